package automation

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// anyWait is a compiled WaitForAny.
type anyWait struct {
	entries, resets []listener
	names           []string // of the events of both, sorted, each once
}

func (c *compiler) anyWait(w WaitForAny) (*anyWait, error) {
	wait := &anyWait{}
	for _, l := range w.Events {
		compiled, err := c.listener(l)
		if err != nil {
			return nil, err
		}
		wait.entries, wait.names = append(wait.entries, compiled), append(wait.names, l.EventName)
	}
	for _, l := range w.ResetOn {
		compiled, err := c.listener(l)
		if err != nil {
			return nil, err
		}
		wait.resets, wait.names = append(wait.resets, compiled), append(wait.names, l.EventName)
	}
	slices.Sort(wait.names)
	wait.names = slices.Compact(wait.names)
	return wait, nil
}

// waits reports whether the step waits for events.
func (n *node) waits() bool { return n.typ == TypeWaitForEvent || n.any != nil }

// awaited returns the names of the events that can end the wait, for people.
func (n *node) awaited() string {
	if n.any == nil {
		return strconv.Quote(n.event)
	}
	var names []string
	for i := range n.any.entries {
		if name := strconv.Quote(n.any.entries[i].event); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, " or ")
}

// recall marks the waits whose events a later WaitForAny must not receive again.
func (g *Graph) recall() {
	for i := range g.steps {
		n := &g.steps[i]
		n.recalled = n.waits() && slices.ContainsFunc(g.steps, func(other node) bool {
			return other.any != nil && other.key != n.key && n.shares(other.any)
		})
	}
}

// shares reports whether an event can end both waits.
func (n *node) shares(w *anyWait) bool {
	return slices.ContainsFunc(w.entries, func(l listener) bool {
		if n.any == nil {
			return l.event == n.event
		}
		return slices.ContainsFunc(n.any.entries, func(own listener) bool { return own.event == l.event })
	})
}

// receiveAny ends a wait for any of several events, if this is one of them, or puts off its
// end.
func (a *advance) receiveAny(n *node) Action {
	e := a.in.Event
	if a.g.timely(a.s, e, a.in.Unread) {
		if l := a.heard(n.any.entries); l != nil && !a.spent(e) {
			action := a.resumeAny(n, l, e)
			action.Resumed = true
			return action
		}
	}
	if a.s.accepts(e, a.s.current().startedAt, a.in.Unread) && a.heard(n.any.resets) != nil {
		return a.putOff(n, e)
	}
	return a.g.Action(a.s)
}

// heard returns the first of the listeners that the event matches, or nil.
func (a *advance) heard(listeners []listener) *listener {
	for i := range listeners {
		if listeners[i].event != a.in.Event.Name {
			continue
		}
		if heard, err := listeners[i].hears(a.data(), a.in.Event, a.in.Payload); heard && err == nil {
			return &listeners[i]
		}
	}
	return nil
}

// spent reports whether the event has ended a wait of the run.
func (a *advance) spent(e *Event) bool {
	for i := range a.s.steps {
		st := &a.s.steps[i]
		if !a.g.steps[st.index].recalled || st.status != StepCompleted {
			continue
		}
		if id := receivedID(st.output); id != "" && id == e.ID {
			return true
		}
	}
	return false
}

// resumeAny ends the wait with an event that l has heard, as resumeWait does.
func (a *advance) resumeAny(n *node, l *listener, e *Event) Action {
	if !a.s.dueAt.IsZero() && e.AcceptedAt.After(a.s.dueAt) {
		a.s.since = a.s.dueAt
		return a.timeOut(n, e)
	}
	a.s.since = stamp(e.AcceptedAt)
	a.s.current().setOutput(anyOutput(l.name, e))
	a.ready = false
	branch := l.name
	if _, ok := n.target(branch); branch == "" || !ok {
		branch = ConnectionEventReceived
	}
	if _, ok := n.target(ConnectionEventReceived); branch == l.name || !ok {
		a.s.current().branch = l.name // otherwise it follows from the output
	}
	if !a.follow(branch, ConnectionDefault) {
		return a.g.done(a.s)
	}
	return a.walk()
}

// putOff moves the end of the wait to the timeout after the event. An event that was accepted
// after the end comes too late, and the wait times out when the run is woken.
func (a *advance) putOff(n *node, e *Event) Action {
	until := stamp(e.AcceptedAt.Add(n.duration))
	moved := !e.AcceptedAt.After(a.s.dueAt) && until.After(a.s.dueAt)
	if moved {
		a.s.dueAt = until
	}
	action := a.g.Action(a.s)
	action.Resumed = moved
	return action
}

// anyOutput is the output of a WaitForAny that received an event: that of a WaitForEvent, and
// the name of the listener, null for none.
func anyOutput(name ConnectionType, e *Event) json.RawMessage {
	b := []byte(`{"name":`)
	if name == "" {
		b = append(b, `null,`...)
	} else {
		b = appendJSON(b, string(name), ',')
	}
	return append(b, eventOutput(e)[1:]...)
}

// receivedID returns the id of the event in the output of a wait, or "" if it timed out.
func receivedID(output json.RawMessage) string {
	var r struct {
		EventID string `json:"event_id"`
	}
	_ = json.Unmarshal(output, &r) // an output of another form has no event
	return r.EventID
}
