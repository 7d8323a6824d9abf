package automation

// What tests of the Runner, which need a store and are outside of the package
// therefore, share with those inside.
var (
	GenAutomation  = genAutomation
	GenEffectError = genEffectError
	GenPayload     = genPayload
	GenEventNames  = genEventNames
)
