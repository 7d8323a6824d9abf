package automation

// listener is a compiled Listener.
type listener struct {
	name  ConnectionType // "" for none
	event string
	rule  *CompiledRule // the filter, or nil
	match []matchedPaths
}

// matchedPaths is a compiled Match.
type matchedPaths struct{ event, run path }

func (c *compiler) listener(l Listener) (compiled listener, err error) {
	compiled = listener{name: ConnectionType(l.Name), event: l.EventName}
	if !l.FilterRule.IsZero() {
		if compiled.rule, err = c.rule(l.FilterRule); err != nil {
			return compiled, err
		}
	}
	for _, m := range l.Match {
		var p matchedPaths
		event, run := m.paths()
		if p.event, err = compilePath(event, c.names); err != nil {
			return compiled, err
		}
		if p.run, err = compilePath(run, c.names); err != nil {
			return compiled, err
		}
		c.reads(&p.run)
		compiled.match = append(compiled.match, p)
	}
	return compiled, nil
}

// hears reports whether the event, whose decoded payload is payload, matches for a run with
// the data d. d is what the steps of the run may read: its Event is the payload of the event
// that started the run. The error is why the filter could not be evaluated. The event does not
// match then.
func (l *listener) hears(d *Data, e *Event, payload map[string]any) (bool, error) {
	if e.Name != l.event {
		return false, nil
	}
	incoming := d.forEvent(e, payload)
	for i := range l.match {
		if !l.match[i].equal(&incoming) {
			return false, nil
		}
	}
	if l.rule == nil {
		return true, nil
	}
	return l.rule.eval(&incoming, nil)
}

// forEvent returns what a filter reads when the event e arrives. d is what the steps of the
// run may read.
func (d Data) forEvent(e *Event, payload map[string]any) Data {
	d.Trigger = d.Event
	if d.Trigger == nil {
		d.Trigger = noPayload
	}
	d.Event, d.Now = payload, stamp(e.AcceptedAt)
	return d
}

// equal reports whether both sides have a value, of one type and equal. Null is no value.
func (m *matchedPaths) equal(d *Data) bool {
	var event, run operand
	m.event.read(d, &event)
	if event.kind == operandAbsent || event.kind == operandNull {
		return false
	}
	m.run.read(d, &run)
	return event.equals(&run)
}
