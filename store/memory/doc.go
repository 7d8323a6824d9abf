// Package memory keeps automations, events, contacts and runs in the memory of the
// process. It is the store for tests, simulations and flows that may be lost with the
// process, and the reference for every other store.
//
//	runner, err := automation.New(memory.New(), mailer, automation.Options{})
package memory
