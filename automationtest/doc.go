// Package automationtest provides a harness for tests of automations. The harness runs
// automations on a clock that the test moves, and keeps the emails instead of sending them.
// A failed assertion shows the expectation and the outcome.
//
//	func TestWelcome(t *testing.T) {
//		welcome := automationtest.Load(t, "welcome.json", nil)
//		h := automationtest.New(t, automationtest.Options{}, welcome)
//
//		h.Send("user.created", "ada@example.com", map[string]any{"plan": "pro"})
//		h.AssertEmails("ada@example.com", "welcome")
//
//		h.Advance(3 * 24 * time.Hour)
//		h.AssertEmails("ada@example.com", "welcome", "tips")
//		h.Run("ada@example.com", "Welcome").AssertStatus(automation.RunCompleted)
//	}
//
// AssertRefused checks that the rules of entry kept an event from starting a run, and
// Run.AssertExited that an exit ended one.
//
// A status means what it means to Runner.Apply: a disabled automation starts no runs, and a
// document without a status is disabled.
//
// The harness uses the same Runner as production code, with a store in memory. No test
// sleeps, however long the flow: the clock jumps from one due time to the next. The same
// test always has the same run histories and the same ids. If a test fails, the harness
// logs the timeline of the whole test.
//
// With Options.Templates every email is rendered, so that a missing template or variable
// fails the test, and Message returns the subject and the body. With Options.Definitions
// the payloads of Send, and the fields that automations read, are compared with the schemas
// of the events.
//
// The harness composes the packages store/memory, mail/capture and timeline. It works with
// every TB, not only with *testing.T.
package automationtest
