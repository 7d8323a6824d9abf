// Package automationtest tests automations: it runs them on a clock that the
// test moves, keeps the emails instead of sending them, and says what was
// expected and what happened.
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
// Everything goes through the Runner that serves in production, with a store in
// memory. Nothing sleeps, however long the flow: the clock jumps from one due
// time to the next. The same test gives the same run histories, ids included.
// When a test fails, the timeline of all that has happened is logged.
//
// The harness composes the packages store/memory, mail/capture and timeline. It
// needs no *testing.T, only what TB asks for.
package automationtest
