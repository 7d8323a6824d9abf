package automation

import (
	"encoding/json"
	"time"
)

// opening is a compiled window.
type opening struct {
	window Window
	clocks clocks
}

func (c *compiler) opening(w Window) (*opening, error) {
	if w.IsZero() {
		return nil, nil
	}
	clocks, err := c.clocks(w.Zone)
	return &opening{w.clone(), clocks}, err
}

// emailWindow compiles the window of an email: its own, or that of all emails.
func (c *compiler) emailWindow(w Window) (*opening, error) {
	if w.IsZero() {
		w = c.g.opts.Window
	}
	return c.opening(w)
}

// next returns t if the window is open at t, or when it opens, or the zero time, for a run
// with this data. It also returns the zone.
func (o *opening) next(t time.Time, d *Data) (time.Time, place) {
	p := o.clocks.find(d)
	opens := o.window.Next(t, p.loc)
	if !opens.IsZero() && opens.After(t) {
		opens = stamp(opens)
	}
	return opens, p
}

func openingOutput(opens time.Time, p place) json.RawMessage {
	return p.append(appendTimeField(append(make([]byte, 0, 96), '{'), "resume_at", opens), '}')
}

const neverOpens = "the window does not open within a year: correct its hours and the dates that it leaves out"

// open executes a window step: at its start, and when the run has slept until the window was
// to open. By then the window can be closed again, or be another one in another zone.
func (a *advance) open(n *node) (ConnectionType, bool) {
	if a.in.Now.Before(a.s.dueAt) {
		return "", false
	}
	if a.shut(n) {
		return "", false
	}
	if st := a.s.current(); st.output == nil {
		st.setOutput(openingOutput(a.in.Now, n.window.clocks.find(a.data())))
	}
	return ConnectionDefault, true
}

// shut makes the run sleep until the window of the step opens, if it is closed. It reports
// whether it is: then the run sleeps, or it has failed because the window never opens.
func (a *advance) shut(n *node) bool {
	opens, place := n.window.next(a.in.Now, a.data())
	switch {
	case opens.IsZero():
		a.fail(FailedWindow, neverOpens)
	case opens.After(a.in.Now):
		st := a.s.current()
		st.setOutput(openingOutput(opens, place))
		st.status = StepWaiting
		a.s.dueAt = opens
	default:
		return false
	}
	return true
}

// hold makes a run wait, before an attempt to send an email, until the window of the email
// opens. The wait spends no attempt, and the lateness of the email counts from its end. A run
// without a contact is about to be cancelled, and is not held.
func (a *advance) hold(n *node) bool {
	if n.window == nil || a.in.Data.Contact == nil || !a.shut(n) {
		return false
	}
	a.s.since = a.s.dueAt
	return true
}

// due returns when the email was due: when its window was open for the first time since the
// run could have sent it.
func (a *advance) due(n *node) time.Time {
	if n.window == nil {
		return a.s.since
	}
	if opens, _ := n.window.next(a.s.since, a.data()); !opens.IsZero() {
		return opens
	}
	return a.s.since
}

// closed reports whether the open attempt of s is to send an email whose window is closed
// now. The attempt can have waited for its turn.
func (g *Graph) closed(s State, d Data, now time.Time) bool {
	n := &g.steps[s.at]
	if n.window == nil || !s.attemptOpen || d.Contact == nil {
		return false
	}
	d = g.dataOf(&s, d)
	opens, _ := n.window.next(stamp(now), &d)
	return opens.IsZero() || opens.After(now)
}

// sentOutput adds to the output of an email which zone its window had instead of the one that
// was meant.
func (a *advance) sentOutput(n *node, out json.RawMessage) json.RawMessage {
	if n.window == nil || len(out) < len("{}") {
		return out
	}
	source := n.window.clocks.find(a.data()).source
	if source == "" {
		return out
	}
	out = out[: len(out)-1 : len(out)-1] // the caller keeps its own
	if len(out) > len("{") {
		out = append(out, ',')
	}
	return appendJSON(append(out, `"zone_source":`...), string(source), '}')
}
