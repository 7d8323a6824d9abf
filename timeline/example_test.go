package timeline_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/timeline"
)

// A Runner whose timeline goes to the standard output, on a fake clock.
func Example() {
	now := clock.NewMock()
	now.Set(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC))
	observer := timeline.New(os.Stdout, timeline.Options{Start: now.Now()})
	runner, err := automation.New(memory.New(), capture.New(), automation.Options{
		Clock: now, Random: rand.NewChaCha8([32]byte{}), Observer: observer,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	_, err = runner.CreateAutomation(ctx, automation.Automation{
		ID: "welcome", Name: "Welcome", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "signup", Config: automation.Trigger{EventName: "user.created"}},
			{Key: "rest", Config: automation.Delay{Duration: automation.MustParseDuration("1 day")}},
			{Key: "hello", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "hello"}}},
		},
		Connections: []automation.Connection{{From: "signup", To: "rest"}, {From: "rest", To: "hello"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	observer.Name("welcome", "Welcome series")

	_, err = runner.Send(ctx, automation.Event{Name: "user.created", Email: "ada@example.com"})
	for range 2 {
		if err == nil {
			_, err = runner.Drain(ctx)
		}
		now.Add(24 * time.Hour)
	}
	fmt.Println(err, observer.Err())
	// Output:
	// day 0 00:00:00   Mon 2026-01-05 09:00:00   ada@example.com
	//   event    user.created
	//   contact  created
	//   run      Welcome series        started
	//   step     signup                on user.created
	//   step     rest                  waits until day 1 00:00:00
	//
	// day 1 00:00:00   Tue 2026-01-06 09:00:00   ada@example.com
	//   run      Welcome series        continues
	//   step     rest                  is over
	//   email    hello                 "hello" to ada@example.com
	//   run      Welcome series        completed
	// <nil> <nil>
}
