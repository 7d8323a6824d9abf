package enginetest

import (
	"time"

	"github.com/seed-b636437c/automation"
)

func timerChecks() []Check {
	return []Check{
		check("timers/fire neither early nor too late", timersFire),
		check("timers/of one contact fire in their order", timersInOrder),
	}
}

// busy is how late a timer may be because the machine is busy.
const busy = 2 * time.Second

func timersFire(f *fixture) {
	f.start(flow("rest", "signup", pause("rest", time.Second), email("hello"), pause("more", 1500*time.Millisecond)))
	const n = 20
	late := time.Hour
	for _, id := range f.sendAll(events("signup", n)...) {
		run := f.ended(f.started(id), automation.RunCompleted)
		for key, d := range map[string]time.Duration{"rest": time.Second, "more": 1500 * time.Millisecond} {
			s := stepOf(run, key)
			lateness := s.CompletedAt.Sub(s.StartedAt) - d
			if lateness < 0 {
				f.failf("the delay of %s ended %s early", d, -lateness)
			}
			late = min(late, lateness)
		}
	}
	if late > f.given.TimerPrecision+busy {
		f.failf("of %d timers the most punctual one was %s late", 2*n, late)
	}
	for _, e := range f.mailer.sent("hello") {
		if run := f.run(e.RunID); e.began.Before(stepOf(run, "rest").StartedAt.Add(time.Second)) {
			f.failf("an email was sent before the delay was over")
		}
	}
}

// timersInOrder starts a long delay and then a short one, further apart than timers may be late.
func timersInOrder(f *fixture) {
	f.start(flow("long", "signup", pause("rest", 2*time.Second+f.given.TimerPrecision), email("late")),
		flow("short", "signup", pause("rest", time.Second), email("early")),
		flow("longest", "signup", pause("rest", longTime), email("never")))
	e := f.handled(f.send("signup", "ada@example.com", nil))
	f.equal("number of runs", len(e.Started), 3)
	f.emails("ada@example.com", "early", "late")
	for _, id := range e.Started {
		if run := f.run(id); run.AutomationID == "longest" {
			s := f.waiting(id, "rest")
			f.equal("due", s.DueAt.Equal(stepOf(s, "rest").StartedAt.Add(longTime)), true)
		}
	}
}
