package automation

// Generators for the property tests of the Runner. These tests need a store, so they are
// in the package automation_test.
var (
	GenAutomation  = genAutomation
	GenEffectError = genEffectError
	GenPayload     = genPayload
	GenEventNames  = genEventNames
)
