package automation

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/seed-b636437c/automation/internal/civil"
)

// until is a compiled delay_until step.
type until struct {
	next      *NextTime // or nil: the instant is counted from at
	after     time.Duration
	at        namedValue
	count     civil.Until
	ifPast    Otherwise
	ifMissing Otherwise
	limit     time.Duration
	clocks    clocks
}

func (c *compiler) until(d DelayUntil) (*until, error) {
	u := &until{
		after: d.After.Std(), count: d.until(), ifPast: d.IfPast, ifMissing: d.IfMissing,
		limit: c.g.opts.Limits.withDefaults().Until,
	}
	var err error
	if u.clocks, err = c.clocks(d.Zone); err != nil {
		return nil, err
	}
	if d.Next != nil {
		u.next = &NextTime{Weekdays: slices.Clone(d.Next.Weekdays), Time: d.Next.Time}
	} else {
		u.at, err = c.value("at", d.At)
	}
	return u, err
}

// moves reports whether the date is read again.
func (u *until) moves() bool { return u.at.path != nil && u.at.path.scope == scopeContact }

// moment executes a step that waits for an instant: at the start of the step and, if the run
// has slept in it, whenever the run is woken. It returns the connection to take. It returns
// false if the run does not go on: it sleeps, or it has ended.
func (a *advance) moment(n *node) (branch ConnectionType, goesOn bool) {
	slept := !a.s.dueAt.IsZero()
	switch {
	case n.until == nil:
		return a.open(n)
	case slept && !a.g.dateMoved(&a.s, a.data()):
		return ConnectionDefault, !a.in.Now.Before(a.s.dueAt)
	case n.until.next != nil:
		found := dateFound{place: n.until.clocks.find(a.data())}
		from := a.s.current().startedAt.Add(n.until.after)
		found.instant = n.until.next.After(from, found.place.loc)
		return a.sleepUntil(found)
	default:
		return a.untilDate(n)
	}
}

// wakeMoment continues a run at a step that waits for an instant, if the instant has come or
// has moved.
func (a *advance) wakeMoment() Action {
	early := a.in.Now.Before(a.s.dueAt)
	switch {
	case early && !a.g.dateMoved(&a.s, a.data()):
		return a.g.Action(a.s)
	case early:
		a.s.since = a.in.Now
	default:
		a.s.since = a.s.dueAt
	}
	return a.walk()
}

// dateFound is what a delay_until step found. Its output keeps it.
type dateFound struct {
	at      string // the text of the date; "" for none
	instant time.Time
	place   place
	result  civil.UntilResult // in the output if the run does not wait for the instant
}

func (f *dateFound) output() json.RawMessage {
	b := append(make([]byte, 0, 160), '{')
	if f.at != "" {
		b = appendJSON(append(b, `"at":`...), f.at, ',')
	}
	if !f.instant.IsZero() {
		b = appendTimeField(b, "resume_at", f.instant)
	}
	switch f.result {
	case civil.UntilPast, civil.UntilMissing, civil.UntilTooFar:
		b = appendJSON(append(b, `"result":`...), string(f.result), ',')
	}
	return f.place.append(b, '}')
}

// dateMoved reports whether a run that sleeps until a date in the contact reads another date
// now, or reads it in another zone. It compares what is read and not the instants: processes
// with different zone data must not disagree about an instant that was computed.
func (g *Graph) dateMoved(s *State, d *Data) bool {
	n := &g.steps[s.at]
	if n.until == nil || !n.until.moves() || s.dueAt.IsZero() || s.Status() != RunRunning {
		return false
	}
	var then struct {
		At    string `json:"at"`
		Zone  string `json:"zone"`
		Given string `json:"zone_given"`
	}
	if json.Unmarshal(s.current().output, &then) != nil {
		return true
	}
	text, isText := n.until.date(d).(string)
	now := n.until.clocks.find(d)
	return !isText || text != then.At || now.meant() != (place{name: then.Zone, given: then.Given}).meant()
}

// date returns what the reference leads to, or the literal.
func (u *until) date(d *Data) any {
	value, _ := u.at.resolve(d)
	return value
}

// untilDate looks at the date of the step.
func (a *advance) untilDate(n *node) (ConnectionType, bool) {
	u, value := n.until, n.until.date(a.data())
	found := dateFound{place: u.clocks.find(a.data())}
	found.instant, found.result = u.count.Resolve(value, found.place.loc, a.in.Now, a.s.current().startedAt.Add(u.limit))
	if found.result != civil.UntilMissing {
		found.at, _ = value.(string)
	}
	found.instant = stampGiven(found.instant)
	switch reached := found.instant.Equal(a.s.dueAt) && !a.in.Now.Before(a.s.dueAt); {
	case found.result == civil.UntilMissing:
		return a.otherwise(u.ifMissing, &found, FailedNoDate, u.at.source()+" leads to no date")
	case found.result == civil.UntilTooFar:
		return a.otherwise(OtherwiseFail, &found, FailedTooFar, fmt.Sprintf("%s is further ahead than the limit of %s",
			found.instant.Format(timeFormat), DurationOf(u.limit)))
	case found.result == civil.UntilPast && !reached:
		return a.past(n, &found)
	default:
		return a.sleepUntil(found)
	}
}

// stampGiven is stamp for a time that may be zero.
func stampGiven(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return stamp(t)
}

// sleepUntil makes the run sleep until the instant, and goes on if it has come.
func (a *advance) sleepUntil(found dateFound) (ConnectionType, bool) {
	st := a.s.current()
	found.instant = stamp(found.instant)
	st.setOutput(found.output())
	if !a.in.Now.Before(found.instant) {
		return ConnectionDefault, true
	}
	a.s.dueAt, st.status = found.instant, StepWaiting
	return "", false
}

// past continues a run whose instant has passed.
func (a *advance) past(n *node, found *dateFound) (ConnectionType, bool) {
	if _, connected := n.target(ConnectionPast); connected {
		st := a.s.current()
		st.setOutput(found.output())
		st.branch = ConnectionPast
		return ConnectionPast, true
	}
	return a.otherwise(n.until.ifPast, found, FailedPast, found.instant.Format(timeFormat)+" had passed when the run looked at the date")
}

// otherwise continues, ends or fails a run that has no instant to wait for.
func (a *advance) otherwise(o Otherwise, found *dateFound, code StepErrorCode, message string) (ConnectionType, bool) {
	a.s.current().setOutput(found.output())
	switch o {
	case OtherwiseContinue:
		return ConnectionDefault, true
	case OtherwiseEnd:
		a.end(StepCompleted)
		a.finish(RunCompleted)
	default:
		a.fail(code, message)
	}
	return "", false
}
