package automation

// Generators for the property tests of the Runner. Those need a store, and are outside
// of the package therefore.
var (
	GenAutomation  = genAutomation
	GenEffectError = genEffectError
	GenPayload     = genPayload
	GenEventNames  = genEventNames
)
