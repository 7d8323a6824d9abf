package automation

// Generators for the property tests of the Runner. These tests need a store, so they are
// in the package automation_test.
var (
	GenAutomation  = genAutomation
	GenEffectError = genEffectError
	GenPayload     = genPayload
	GenEventNames  = genEventNames
)

// DefaultOptions returns the options of a Runner that was made with the zero Options.
func DefaultOptions() Options {
	o, _ := Options{}.withDefaults()
	o.Retry = o.Retry.withDefaults()
	return o
}
