package automationtest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/automationtest"
)

// A test of a welcome series. In a real test, t is the *testing.T.
func Example() {
	t := &printer{out: os.Stdout}
	welcome := automationtest.Load(t, "testdata/welcome.json", nil)
	h := automationtest.New(t, automationtest.Options{}, welcome)

	h.Send("user.created", "ada@example.com", map[string]any{"plan": "pro"})
	h.AssertEmails("ada@example.com", "welcome")
	run := h.Run("ada@example.com", "Welcome")
	run.AssertWaiting("wait")

	h.Advance(26 * time.Hour)
	h.Send("setup.completed", "ada@example.com", nil)
	h.AssertEmails("ada@example.com", "welcome", "tips")
	run.AssertBranch("is_pro", automation.ConnectionConditionMet)
	run.AssertStatus(automation.RunCompleted)

	fmt.Print(h.Timeline())
	// Output:
	// day 0 00:00:00   Mon 2026-01-05 09:00:00   ada@example.com
	//   event    user.created          {"plan":"pro"}
	//   contact  created
	//   run      Welcome               started
	//   step     start                 on user.created
	//   email    welcome               "welcome" to ada@example.com
	//   step     wait                  waits for setup.completed until day 3 00:00:00
	//
	// day 1 02:00:00   Tue 2026-01-06 11:00:00   ada@example.com
	//   event    setup.completed
	//   run      Welcome               continues
	//   step     wait                  -> event_received   setup.completed
	//   step     is_pro                -> condition_met   event.plan eq "pro" is true
	//   email    tips                  "tips" to ada@example.com
	//   contact  changed               joins segment "customers"
	//   step     to_customers          done
	//   run      Welcome               completed
}

// The message of a failed assertion, and the log at the end of the test.
func ExampleHarness_AssertEmails() {
	t := &printer{out: os.Stdout}
	h := automationtest.New(t, automationtest.Options{}, automationtest.Load(t, "testdata/welcome.json", nil))

	h.Send("user.created", "grace@example.com", map[string]any{"plan": "free"})
	h.AdvanceToEnd()
	h.AssertEmails("grace@example.com", "welcome", "tips")

	t.end()
	// Output:
	// error: emails to grace@example.com:
	// 	got  welcome, nudge
	// 	want welcome, tips
	// timeline:
	// day 0 00:00:00   Mon 2026-01-05 09:00:00   grace@example.com
	//   event    user.created          {"plan":"free"}
	//   contact  created
	//   run      Welcome               started
	//   step     start                 on user.created
	//   email    welcome               "welcome" to grace@example.com
	//   step     wait                  waits for setup.completed until day 3 00:00:00
	//
	// day 3 00:00:00   Thu 2026-01-08 09:00:00   grace@example.com
	//   run      Welcome               continues
	//   step     wait                  -> timeout
	//   email    nudge                 "nudge" to grace@example.com
	//   run      Welcome               completed
}

// The email provider fails for ten minutes, and the step is retried.
func ExampleHarness_outage() {
	t := &printer{out: os.Stdout}
	opts := automationtest.Options{Runner: automation.Options{Retry: automation.RetryPolicy{Initial: time.Minute, Jitter: -1}}}
	h := automationtest.New(t, opts, automationtest.Load(t, "testdata/welcome.json", nil))

	back := h.Clock.Now().Add(10 * time.Minute)
	h.Mailer.Respond = func(_ context.Context, _ automation.Email) error {
		if h.Clock.Now().Before(back) {
			return errors.New("503 service unavailable")
		}
		return nil
	}
	h.Send("user.created", "ada@example.com", nil)
	h.AssertEmails("ada@example.com")
	h.Advance(time.Hour)
	h.AssertEmails("ada@example.com", "welcome")
	fmt.Println(len(h.Run("ada@example.com", "Welcome").Step("welcome").Attempts), "attempts failed")
	// Output: 4 attempts failed
}
