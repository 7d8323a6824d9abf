package automation

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"
)

// entry is a compiled Entry, with the rule of the exit that decides about entry too.
type entry struct {
	triggers []entryTrigger // of all events that start runs
	audience *CompiledRule
	while    *CompiledRule
	key      *path
	reentry  Reentry
}

type entryTrigger struct {
	event  string
	filter *CompiledRule
}

// entry compiles the rules of entry, nil if every event starts a run.
func (c *compiler) entry(a Automation) (*entry, error) {
	given := a.Entry.given()
	if given == nil && c.g.exit.rule() == nil {
		return nil, nil
	}
	if given == nil {
		given = &Entry{}
	}
	e := &entry{while: c.g.exit.rule(), reentry: given.Reentry}
	var err error
	add := func(event string, filter Rule) {
		rule, ruleErr := compileGiven(filter)
		e.triggers = append(e.triggers, entryTrigger{event, rule})
		err = firstErr(err, ruleErr)
	}
	add(c.g.Event(), given.FilterRule)
	for _, t := range given.Triggers {
		add(t.EventName, t.FilterRule)
	}
	audience, audienceErr := compileGiven(given.AudienceRule)
	e.audience, err = audience, firstErr(err, audienceErr, given.Reentry.Per.Err())
	if given.Reentry.Key != "" {
		key, keyErr := compilePath(given.Reentry.Key, nil)
		e.key, err = &key, firstErr(err, keyErr)
	}
	return e, err
}

// compileGiven compiles a rule that reads nothing of a run, nil for the zero Rule.
func compileGiven(r Rule) (*CompiledRule, error) {
	if r.IsZero() {
		return nil, nil
	}
	return compileRule(r, nil)
}

func firstErr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Events returns the names of the events that start runs of the graph, first that of the
// trigger step.
func (g *Graph) Events() []string {
	if g.entry == nil {
		return []string{g.Event()}
	}
	names := make([]string, len(g.entry.triggers))
	for i, t := range g.entry.triggers {
		names[i] = t.event
	}
	return names
}

// whileRunning returns what an event does while a run of its unit is running.
func (g *Graph) whileRunning() WhileRunning {
	if g.entry == nil || g.entry.reentry.WhileRunning == "" {
		return ReentryParallel
	}
	return g.entry.reentry.WhileRunning
}

// startsAlone reports whether a start neither counts nor depends on other runs of the contact.
func (g *Graph) startsAlone() bool { return !g.isLimited() && g.whileRunning() == ReentryParallel }

// readsContactAtStart reports whether it may depend on the contact what becomes of an event that
// starts runs of the graph, up to the first effect.
func (g *Graph) readsContactAtStart() bool {
	next, ok := g.steps[0].target(ConnectionDefault)
	if !ok || g.entry != nil {
		return g.entry != nil
	}
	switch n := &g.steps[next]; n.typ {
	case TypeDelay, TypeWaitForEvent, TypeWaitForAny:
		return false
	default:
		return n.effect == nil
	}
}

// isLimited reports whether starts are counted.
func (g *Graph) isLimited() bool { return g.entry != nil && g.entry.reentry.Limit > 0 }

// Entries are the runs of one unit of re-entry, as far as Graph.Enter reads them. The zero
// Entries are those of a unit that has no runs.
type Entries struct {
	// Running are the ids of the running runs of the unit, oldest first. They are not read
	// with ReentryParallel.
	Running []string
	// Count are the starts of the unit so far. They are read only if there is a Reentry.Limit.
	Count EntryCount
}

// Enter decides whether an event starts a run. The input has the Event, its decoded Payload,
// the Contact in Data, and Now. If the Code of the Decision is empty, the run starts: the
// result has its start in Entries.Count, and Entries.Running are the runs that it replaces.
// Otherwise the Decision has the reason. Enter is a pure function, as Advance is.
func (g *Graph) Enter(e Entries, in Input) (Decision, Entries) {
	d := Decision{EventID: in.Event.ID, AutomationID: e.Count.AutomationID, At: stamp(in.Now)}
	refuse := func(code DecisionCode, evidence json.RawMessage) (Decision, Entries) {
		d.Code, d.Evidence = code, evidence
		return d, e
	}
	en := g.entry
	if en == nil {
		e.Running = nil
		return d, e
	}
	data := Data{Event: in.Payload, Contact: in.Data.Contact, Now: stamp(in.Event.AcceptedAt)}
	if data.Event == nil {
		data.Event = noPayload
	}
	if code, evidence := en.refusal(in.Event.Name, &data, in.Now); code != "" {
		return refuse(code, evidence)
	}
	if _, ok := g.EntryKey(in.Payload); !ok {
		return refuse(DecisionKeyMissing, Evidence{Key: en.key.text}.encode())
	}
	switch g.whileRunning() {
	case ReentryIgnore:
		if len(e.Running) > 0 {
			return refuse(DecisionRunning, Evidence{RunID: e.Running[0]}.encode())
		}
	case ReentryParallel:
		e.Running = nil
	}
	if en.reentry.Limit > 0 {
		if again, ok := en.reentry.admits(e.Count, in.Event.AcceptedAt); !ok {
			return refuse(DecisionLimit, Evidence{AgainAt: again}.encode())
		}
		e.Count = en.reentry.counted(e.Count, in.Event.AcceptedAt)
	}
	return d, e
}

// refusal evaluates the rules about the event and the contact, for an event that is handled
// now.
func (en *entry) refusal(event string, d *Data, now time.Time) (DecisionCode, json.RawMessage) {
	i := slices.IndexFunc(en.triggers, func(t entryTrigger) bool { return t.event == event })
	if i >= 0 && en.triggers[i].filter != nil {
		if held, err := en.triggers[i].filter.eval(d, nil); err != nil {
			return DecisionTriggerFilter, Evidence{Error: err.Error()}.encode()
		} else if !held {
			return DecisionTriggerFilter, nil
		}
	}
	later := *d
	later.Now = stamp(now)
	for _, rule := range []struct {
		name string
		rule *CompiledRule
	}{{"audience_rule", en.audience}, {"while_rule", en.while}} {
		if rule.rule == nil {
			continue
		}
		if held, err := rule.rule.eval(&later, nil); err != nil {
			return DecisionAudience, Evidence{Error: err.Error()}.encode()
		} else if !held {
			return DecisionAudience, Evidence{Rule: rule.name}.encode()
		}
	}
	return "", nil
}

// EntryKey returns the unit of re-entry to which an event with this payload belongs, as
// EntryRef.Key has it: a hash of the value of Reentry.Key, or "" without a Key. It reports
// false if the payload lacks the value, or has another type there.
func (g *Graph) EntryKey(payload map[string]any) (key string, ok bool) {
	if g.entry == nil || g.entry.key == nil {
		return "", true
	}
	var value operand
	g.entry.key.read(&Data{Event: payload}, &value)
	var kind, text string
	switch value.kind {
	case operandString:
		kind, text = "s", value.text
	case operandNumber:
		kind, text = "n", value.number.Canonical()
	case operandBool:
		kind, text = "b", boolText(value.yes)
	default:
		return "", false
	}
	sum := sha256.Sum256([]byte(kind + "\n" + text))
	return hex.EncodeToString(sum[:16]), true
}

func boolText(yes bool) string {
	if yes {
		return "true"
	}
	return "false"
}

// admits reports whether a run may start for an event that was accepted at the given time. If
// not, it returns when one may start again, or the zero time for never.
func (r Reentry) admits(c EntryCount, at time.Time) (again time.Time, ok bool) {
	if r.Per.IsZero() {
		return time.Time{}, c.Count < r.Limit
	}
	after := at.Add(-r.Per.Std())
	var counted []time.Time
	for _, start := range c.Starts {
		if start.After(after) {
			counted = append(counted, start)
		}
	}
	if len(counted) < r.Limit {
		return time.Time{}, true
	}
	slices.SortFunc(counted, time.Time.Compare)
	return stamp(counted[len(counted)-r.Limit].Add(r.Per.Std())), false
}

// counted returns c with one more start. It keeps the last starts, Limit of them.
func (r Reentry) counted(c EntryCount, at time.Time) EntryCount {
	c.Count++
	c.Starts = append(slices.Clone(c.Starts), stamp(at))
	slices.SortFunc(c.Starts, time.Time.Compare)
	c.Starts = c.Starts[max(0, len(c.Starts)-r.Limit):]
	c.ExpiresAt = time.Time{}
	if !r.Per.IsZero() {
		c.ExpiresAt = stamp(c.Starts[len(c.Starts)-1].Add(r.Per.Std()))
	}
	return c
}

// replacedBy is the output of the step at which another run replaced its own.
func replacedBy(runID string) json.RawMessage {
	return appendJSON([]byte(`{"replaced_by":`), runID, '}')
}
