package diagram

import (
	"slices"

	"github.com/seed-b636437c/automation"
)

// flow is an automation, or a run over it, in words.
type flow struct {
	name  string
	run   *automation.Run
	steps []step
	links []link // in the order of Automation.Connections
	ends  []link // open branches, in the order of steps and branches
}

// step is a step in words. The texts are plain.
type step struct {
	key, id  string // id is the key as it is
	kind     kind
	summary  summary
	notes    []string
	branches []automation.ConnectionType // from left to right
	record   *automation.StepRun         // nil without a run
}

// link is a connection, or an open branch.
type link struct {
	from, to int                   // steps; -1 for an unknown step, and for the end of an open branch
	edge     automation.Connection // with its keys as they are; zero for an open branch
	typ      automation.ConnectionType
	word     string // the label, or ""
	taken    bool   // by the run
}

func newFlow(a automation.Automation, o Options) flow {
	f := flow{name: plain(a.Name), run: o.Run}
	index := map[string]int{}
	for i, s := range a.Steps {
		if _, repeated := index[s.Key]; !repeated {
			index[s.Key] = i
		}
		f.steps = append(f.steps, newStep(s, o.Notes[s.Key]))
	}
	f.rule(a)
	f.record(index)
	for _, c := range a.Connections {
		l := link{from: find(index, c.From), to: find(index, c.To), edge: c, typ: typeOf(c)}
		f.links = append(f.links, l)
	}
	for i := range f.steps {
		f.branch(i, configOf(a.Steps[i]))
	}
	for i := range f.links {
		f.finish(&f.links[i])
	}
	return f
}

func newStep(s automation.Step, notes []string) step {
	made := step{key: plain(s.Key), id: s.Key}
	kind, text := describe(configOf(s))
	made.kind, made.summary = kind, summary{plain(text.head), plain(text.tail)}
	for _, note := range notes {
		made.notes = append(made.notes, plain(note))
	}
	return made
}

// rule gives the trigger the rules of entry and of exit as notes. A run has no rules of entry:
// it is in.
func (f *flow) rule(a automation.Automation) {
	var lines []string
	if f.run == nil {
		lines = DescribeEntry(a.Entry)
	}
	lines = append(lines, DescribeExit(a.Exit)...)
	for i, s := range a.Steps {
		if _, ok := configOf(s).(automation.Trigger); ok && len(lines) > 0 {
			f.steps[i].notes = append(f.steps[i].notes, lines...)
			return
		}
	}
}

func find(index map[string]int, key string) int {
	if i, ok := index[key]; ok {
		return i
	}
	return -1
}

func typeOf(c automation.Connection) automation.ConnectionType {
	if c.Type == "" {
		return automation.ConnectionDefault
	}
	return c.Type
}

// record gives the steps their records of the run.
func (f *flow) record(index map[string]int) {
	if f.run == nil {
		return
	}
	for i := range f.steps {
		f.steps[i].record = &automation.StepRun{Status: automation.StepPending}
	}
	for i := range f.run.Steps {
		if at := find(index, f.run.Steps[i].Key); at >= 0 {
			f.steps[at].record = &f.run.Steps[i]
		}
	}
}

// branch finds the branches of a step, and those of them that are open.
func (f *flow) branch(i int, config automation.StepConfig) {
	connected := map[automation.ConnectionType]bool{}
	var types []automation.ConnectionType
	for _, l := range f.links {
		if l.from == i && l.to >= 0 && !connected[l.typ] {
			connected[l.typ] = true
			types = append(types, l.typ)
		}
	}
	s := &f.steps[i]
	s.branches = branches(config, types)
	for _, typ := range types {
		if !slices.Contains(s.branches, typ) {
			s.branches = append(s.branches, typ)
		}
	}
	for _, typ := range s.branches {
		if !connected[typ] {
			end := link{from: i, to: -1, typ: typ}
			f.finish(&end)
			f.ends = append(f.ends, end)
		}
	}
}

// branches returns the branches that a step with a config has, from left to right, if
// connections of some types leave it.
func branches(config automation.StepConfig, connected []automation.ConnectionType) []automation.ConnectionType {
	switch c := config.(type) {
	case automation.Condition:
		return []automation.ConnectionType{automation.ConnectionConditionMet, automation.ConnectionConditionNotMet}
	case automation.Branch:
		return c.Outcomes()
	case automation.Split:
		return c.Outcomes()
	case automation.DelayUntil:
		return untilBranches(c, connected)
	case automation.ContactDelete, nil:
		return nil // the run ends
	case automation.WaitForEvent:
		return waitBranches(c, connected)
	case automation.WaitForAny:
		return anyBranches(c, connected)
	default:
		return []automation.ConnectionType{automation.ConnectionDefault}
	}
}

// waitBranches returns the branches of a wait. The default connection takes the place of
// branches that are not connected.
func waitBranches(c automation.WaitForEvent, connected []automation.ConnectionType) []automation.ConnectionType {
	var all []automation.ConnectionType
	otherwise := slices.Contains(connected, automation.ConnectionDefault)
	if !otherwise || slices.Contains(connected, automation.ConnectionEventReceived) {
		all = append(all, automation.ConnectionEventReceived)
	}
	if otherwise {
		all = append(all, automation.ConnectionDefault)
	}
	if slices.Contains(connected, automation.ConnectionTimeout) || !otherwise && !c.Timeout.IsZero() {
		all = append(all, automation.ConnectionTimeout)
	}
	return all
}

// anyBranches returns the branches of a wait for any of several events. The connections
// event_received and default take the place of branches that are not connected.
func anyBranches(c automation.WaitForAny, connected []automation.ConnectionType) []automation.ConnectionType {
	var all []automation.ConnectionType
	received := slices.Contains(connected, automation.ConnectionEventReceived)
	otherwise := slices.Contains(connected, automation.ConnectionDefault)
	add := func(typ automation.ConnectionType) {
		if !slices.Contains(all, typ) {
			all = append(all, typ)
		}
	}
	for _, l := range c.Events {
		name := automation.ConnectionType(l.Name)
		switch {
		case name != "" && (slices.Contains(connected, name) || !received && !otherwise):
			add(name)
		case received || !otherwise:
			add(automation.ConnectionEventReceived)
		}
	}
	if otherwise {
		add(automation.ConnectionDefault)
	}
	if slices.Contains(connected, automation.ConnectionTimeout) || !otherwise && !c.Timeout.IsZero() {
		add(automation.ConnectionTimeout)
	}
	return all
}

var words = map[automation.ConnectionType]string{
	automation.ConnectionConditionMet:    "met",
	automation.ConnectionConditionNotMet: "not met",
	automation.ConnectionEventReceived:   "received",
	automation.ConnectionTimeout:         "timed out",
}

// BranchWord returns the word for a branch in the drawings, such as "not met". It is empty for
// the default branch, which needs none where it is the only one.
func BranchWord(typ automation.ConnectionType) string {
	if typ == automation.ConnectionDefault {
		return ""
	}
	if word, ok := words[typ]; ok {
		return word
	}
	return plain(string(typ))
}

// finish gives a link its word, and determines whether the run took it. The default branch
// has a word if it is one of several.
func (f *flow) finish(l *link) {
	l.word = BranchWord(l.typ)
	if l.from < 0 {
		return
	}
	from := &f.steps[l.from]
	if l.typ == automation.ConnectionDefault && len(from.branches) > 1 {
		l.word = string(l.typ)
	}
	l.taken = f.isTaken(from, l)
}

func (f *flow) isTaken(from *step, l *link) bool {
	if f.run == nil || !from.isReached() || from.record.Status != automation.StepCompleted && from.record.Status != automation.StepSkipped {
		return false
	}
	if l.to < 0 {
		return f.run.Status == automation.RunCompleted && f.run.Step == from.id && l.typ == from.outcome()
	}
	return f.steps[l.to].isReached() && l.typ == from.outcome()
}

// outcome returns the type of the connection that the run takes from a step.
func (s *step) outcome() automation.ConnectionType {
	if s.record.Branch != "" && slices.Contains(s.branches, s.record.Branch) {
		return s.record.Branch
	}
	return automation.ConnectionDefault
}

// isReached reports whether the run reached the step.
func (s *step) isReached() bool {
	if s.record == nil {
		return false
	}
	switch s.record.Status {
	case automation.StepPending:
		return false
	case automation.StepSkipped:
		return !s.record.StartedAt.IsZero()
	default:
		return true
	}
}

// label returns all that is drawn of a step in words.
func (s *step) label() string {
	text := s.key + ", " + s.kind.words
	if described := s.summary.String(); described != "" {
		text += ": " + described
	}
	if s.record != nil {
		text += ", " + s.statusWord()
	}
	for _, note := range s.notes {
		text += ", " + note
	}
	return text
}

func (s *step) statusWord() string {
	if !s.isReached() {
		return "not reached"
	}
	return plain(string(s.record.Status))
}
