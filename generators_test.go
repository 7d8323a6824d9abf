package automation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"
)

// genEventNames are the names of the events that start generated automations, and for
// which these wait. Some names are prefixes of other names, and most have dots.
var genEventNames = []string{"user.created", "feedback", "feedback.received", "order.paid", "plan"}

// genAutomation draws a valid automation, for which Validate reports no errors and maybe
// warnings. It has all built-in step types, branches that end, split and join, waits with
// and without filter and timeout, and references to everything that a step can read.
func genAutomation(t *rapid.T) Automation {
	g := graphGen{t: t}
	g.add(Trigger{EventName: g.eventName()}, nil, nil)
	for range rapid.IntRange(0, 14).Draw(t, "steps") {
		if len(g.open) == 0 {
			break
		}
		g.addStep()
	}
	return Automation{
		Name:        rapid.StringMatching(`[A-Z][a-z ]{0,8}`).Draw(t, "name"),
		Status:      rapid.SampledFrom([]Status{"", StatusEnabled, StatusDisabled}).Draw(t, "status"),
		Steps:       g.steps,
		Connections: g.connections,
		Retry:       genRetry(t),
		Entry:       g.entry(),
		Exit:        g.exit(),
	}
}

// outerRule draws a rule that reads the contact and these paths, and nothing else.
func (g *graphGen) outerRule(paths ...string) Rule {
	field := Field(rapid.SampledFrom(append(paths, "contact.properties.plan", "contact.first_name")).Draw(g.t, "path"))
	rule := rapid.SampledFrom([]Rule{field.Exists(), field.Eq("pro"), field.Gt(1), field.In("pro", "team"), field.Neq(Var("contact.id"))}).Draw(g.t, "rule")
	if g.chance() {
		return Any(Not(rule), field.IsEmpty())
	}
	return rule
}

// entry draws rules of entry, or none.
func (g *graphGen) entry() *Entry {
	if g.chance() {
		return nil
	}
	e := Entry{Reentry: Reentry{
		Key:          rapid.SampledFrom([]string{"", "event.plan", "event.a.b"}).Draw(g.t, "key"),
		WhileRunning: rapid.SampledFrom([]WhileRunning{"", ReentryParallel, ReentryIgnore, ReentryRestart}).Draw(g.t, "while"),
	}}
	if g.chance() {
		e.Reentry.Limit, e.Reentry.Per = rapid.IntRange(1, 100).Draw(g.t, "limit"), g.duration()
	}
	if g.chance() {
		e.FilterRule = g.outerRule("event.plan", "event.items.0.sku")
	}
	if g.chance() {
		e.AudienceRule = g.outerRule()
	}
	if g.chance() {
		e.Triggers = []EntryTrigger{{EventName: "another.trigger", FilterRule: e.FilterRule}}
	}
	if e.IsZero() {
		return nil
	}
	return &e
}

// exit draws rules of exit, or none.
func (g *graphGen) exit() *Exit {
	if g.chance() {
		return nil
	}
	var x Exit
	for i := range rapid.IntRange(0, 2).Draw(g.t, "exits") {
		l := Listener{Name: rapid.SampledFrom([]string{"", []string{"left", "lost"}[i]}).Draw(g.t, "name"), EventName: g.eventName()}
		if g.chance() {
			l.FilterRule = g.outerRule("event.plan", "trigger.plan", "run.id")
		}
		if g.chance() {
			l.Match = []Match{{Event: "plan"}, {Event: "plan", Run: "contact.properties.plan"}}
		}
		x.Events = append(x.Events, l)
	}
	if g.chance() {
		x.WhileRule = g.outerRule("trigger.plan")
	}
	if g.chance() {
		x.MaxAge = g.duration()
	}
	if x.IsZero() {
		return nil
	}
	return &x
}

// genRetry draws a retry policy with up to three attempts, or none.
func genRetry(t *rapid.T) RetryPolicy {
	if rapid.IntRange(0, 3).Draw(t, "retry") > 0 {
		return RetryPolicy{}
	}
	return RetryPolicy{
		MaxAttempts: rapid.IntRange(1, 3).Draw(t, "attempts"),
		Initial:     rapid.SampledFrom([]time.Duration{0, time.Millisecond, time.Minute}).Draw(t, "initial"),
		Max:         rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(t, "max"),
		For:         rapid.SampledFrom([]time.Duration{0, 36 * time.Hour}).Draw(t, "for"),
		Jitter:      rapid.SampledFrom([]float64{0, -1, 0.25}).Draw(t, "jitter"),
	}
}

// graphGen builds a graph from its trigger. A new step is connected from earlier steps
// only, so that there are no cycles.
type graphGen struct {
	t           *rapid.T
	steps       []Step
	connections []Connection
	open        []outlet          // outcomes that lead nowhere yet
	readable    []map[string]bool // by step: paths into what a path to the step waits for and records
}

func (g *graphGen) addStep() {
	from := g.takeOutlets()
	readable := map[string]bool{}
	for _, o := range from {
		maps.Copy(readable, g.readable[o.from])
		if o.from > 0 {
			readable["steps."+g.steps[o.from].Key+".branch"] = true
		}
		// With a field other than response, the path could refer to an event whose
		// name is longer.
		for _, name := range receivable(g.steps[o.from].Config) {
			readable["wait_events."+name+".response"] = true
			readable["steps."+g.steps[o.from].Key+".payload.response"] = true
		}
	}
	g.add(g.config(slices.Sorted(maps.Keys(readable))), from, readable)
}

// add appends a step that the given outcomes lead to.
func (g *graphGen) add(config StepConfig, from []outlet, readable map[string]bool) {
	to := len(g.steps)
	g.readable = append(g.readable, readable)
	g.steps = append(g.steps, Step{Key: fmt.Sprintf("%s_%d", config.StepType(), to), Config: config})
	for _, o := range from {
		typ := o.typ
		if typ == ConnectionDefault && g.chance() {
			typ = ""
		}
		g.connections = append(g.connections, Connection{From: g.steps[o.from].Key, To: g.steps[to].Key, Type: typ})
	}
	for _, typ := range g.outcomes(config) {
		g.open = append(g.open, outlet{to, typ})
	}
}

// takeOutlets takes one open outcome or, now and then, several.
func (g *graphGen) takeOutlets() []outlet {
	count := 1
	if rapid.IntRange(0, 3).Draw(g.t, "join") == 0 {
		count = min(len(g.open), rapid.IntRange(2, 3).Draw(g.t, "joined"))
	}
	var taken []outlet
	for range count {
		i := rapid.IntRange(0, len(g.open)-1).Draw(g.t, "outlet")
		taken = append(taken, g.open[i])
		g.open = slices.Delete(g.open, i, i+1)
	}
	return taken
}

// outcomes draws those outcomes of a step that may be connected.
func (g *graphGen) outcomes(config StepConfig) []ConnectionType {
	switch config := config.(type) {
	case Condition:
		return conditionBranches
	case Branch:
		return config.Outcomes()
	case Split:
		return config.Outcomes()
	case WaitForAny:
		choices := [][]ConnectionType{{ConnectionDefault}, {ConnectionEventReceived}, {"left"}, {"left", ConnectionEventReceived}, {"left", ConnectionDefault}}
		if !config.Timeout.IsZero() {
			choices = append(choices,
				[]ConnectionType{ConnectionTimeout},
				[]ConnectionType{"left", ConnectionTimeout},
				[]ConnectionType{"left", ConnectionEventReceived, ConnectionTimeout})
		}
		return rapid.SampledFrom(choices).Draw(g.t, "outcomes")
	case WaitForEvent:
		choices := [][]ConnectionType{
			{ConnectionDefault}, {ConnectionEventReceived}, {ConnectionEventReceived, ConnectionDefault},
		}
		if !config.Timeout.IsZero() {
			choices = append(choices,
				[]ConnectionType{ConnectionTimeout},
				[]ConnectionType{ConnectionTimeout, ConnectionDefault},
				[]ConnectionType{ConnectionEventReceived, ConnectionTimeout})
		}
		return rapid.SampledFrom(choices).Draw(g.t, "outcomes")
	default:
		return defaultBranch
	}
}

// config draws the config of a step that can read the given paths.
func (g *graphGen) config(readable []string) StepConfig {
	switch rapid.SampledFrom([]StepType{
		TypeCondition, TypeCondition, TypeBranch, TypeSplit, TypeWaitForEvent, TypeWaitForEvent, TypeWaitForAny, TypeDelay, TypeDelay,
		TypeSendEmail, TypeSendEmail, TypeSendEvent, TypeContactUpdate, TypeAddToSegment, TypeRemoveFromSegment, TypeContactDelete, TypeDelayUntil, TypeWindow,
	}).Draw(g.t, "type") {
	case TypeCondition:
		return Condition{Rule: g.rule(readable, 0)}
	case TypeBranch:
		return g.branch(readable)
	case TypeSplit:
		return g.split()
	case TypeWaitForEvent:
		return g.wait(readable)
	case TypeWaitForAny:
		return g.waitForAny(readable)
	case TypeDelay:
		return Delay{Duration: g.duration()}
	case TypeDelayUntil:
		return g.delayUntil(readable)
	case TypeWindow:
		return g.window()
	case TypeSendEmail:
		return g.email(readable)
	case TypeSendEvent:
		return g.sendEvent(readable)
	case TypeContactUpdate:
		return g.contactUpdate(readable)
	case TypeAddToSegment:
		return AddToSegment{SegmentID: rapid.SampledFrom([]string{"customers", "beta"}).Draw(g.t, "segment")}
	case TypeRemoveFromSegment:
		return RemoveFromSegment{SegmentID: rapid.SampledFrom([]string{"customers", "beta"}).Draw(g.t, "segment")}
	default:
		return ContactDelete{}
	}
}

func (g *graphGen) branch(readable []string) Branch {
	branches := make([]BranchRule, rapid.IntRange(1, 3).Draw(g.t, "branches"))
	for i := range branches {
		branches[i] = BranchRule{Name: []string{"pro", "team plan", "größe"}[i], Rule: g.rule(readable, 0)}
	}
	return Branch{Branches: branches}
}

func (g *graphGen) split() Split {
	variants := make([]Variant, rapid.IntRange(2, 4).Draw(g.t, "variants"))
	for i := range variants {
		variants[i] = Variant{
			Name: []string{"ten %", "plain", "größe", "none"}[i], Weight: rapid.IntRange(0, 10).Draw(g.t, "weight"), Holdout: g.chance(),
		}
	}
	variants[0].Weight++
	return Split{
		Variants: variants, Salt: rapid.SampledFrom([]string{"", "spring"}).Draw(g.t, "salt"),
		By: rapid.SampledFrom([]string{"", "contact", "run", "event.plan", "event.amount"}).Draw(g.t, "by"),
	}
}

func (g *graphGen) wait(readable []string) WaitForEvent {
	wait := WaitForEvent{EventName: g.eventName(), Lookback: g.chance()}
	if g.chance() {
		wait.Timeout = g.duration()
	}
	if g.chance() {
		wait.FilterRule = g.rule(readable, 0)
	}
	return wait
}

func (g *graphGen) delayUntil(readable []string) DelayUntil {
	if g.chance() {
		days := rapid.SampledFrom([][]Weekday{nil, {Monday, Thursday}}).Draw(g.t, "weekdays")
		d := DelayUntil{Next: &NextTime{Weekdays: days, Time: MustParseLocalTime("09:30")}, Zone: g.zone()}
		if g.chance() {
			d.After = g.duration()
		}
		return d
	}
	d := DelayUntil{
		At:        rapid.SampledFrom([]Value{String("2026-03-09"), String("2026-03-20T12:00:00+02:00"), Var("contact.properties.day"), g.reference(readable)}).Draw(g.t, "at"),
		Offset:    rapid.SampledFrom([]Offset{{}, MustParseOffset("-1 day"), MustParseOffset("1 week")}).Draw(g.t, "offset"),
		Time:      MustParseLocalTime("02:30"),
		IfPast:    rapid.SampledFrom([]Otherwise{OtherwiseContinue, OtherwiseContinue, OtherwiseEnd, OtherwiseFail}).Draw(g.t, "if_past"),
		IfMissing: rapid.SampledFrom([]Otherwise{"", OtherwiseContinue, OtherwiseEnd}).Draw(g.t, "if_missing"),
		Zone:      g.zone(),
	}
	return d
}

func (g *graphGen) zone() Zone {
	return rapid.SampledFrom([]Zone{{}, ContactZone(), ZoneOf("America/New_York"), ZoneAt("event.zone")}).Draw(g.t, "zone")
}

func (g *graphGen) window() Window {
	w := Window{Zone: g.zone(), Hours: []Hours{
		{From: MustParseLocalTime("22:00"), To: MustParseLocalTime("06:00"), Days: rapid.SampledFrom([][]Weekday{nil, {Friday}}).Draw(g.t, "days")},
		{From: MustParseLocalTime("09:00"), To: MustParseLocalTime("24:00")},
	}[rapid.IntRange(0, 1).Draw(g.t, "hours"):]}
	if g.chance() {
		w.Except = []Date{MustParseDate("2026-03-08")}
	}
	return w
}

func (g *graphGen) waitForAny(readable []string) WaitForAny {
	wait := WaitForAny{Events: []Listener{g.listener("", readable), g.listener("left", readable)}, Lookback: g.chance()}
	if g.chance() {
		wait.Timeout = g.duration()
		if g.chance() {
			wait.ResetOn = []Listener{g.listener("", readable)}
		}
	}
	return wait
}

func (g *graphGen) listener(name string, readable []string) Listener {
	l := Listener{Name: name, EventName: g.eventName()}
	if g.chance() {
		l.FilterRule = g.rule(readable, 0)
	}
	if g.chance() {
		l.Match = []Match{rapid.SampledFrom([]Match{{Event: "plan"}, {"plan", "trigger.plan"}, {"amount", "contact.properties.plan"}}).Draw(g.t, "match")}
	}
	return l
}

func (g *graphGen) email(readable []string) SendEmail {
	email := SendEmail{
		Template: TemplateRef{ID: rapid.SampledFrom([]string{"welcome", "reminder"}).Draw(g.t, "template")},
		Delivery: rapid.SampledFrom([]Delivery{"", AtLeastOnce, AtMostOnce}).Draw(g.t, "delivery"),
		Retry:    genRetry(g.t),
	}
	if g.chance() {
		email.From, email.Subject, email.ReplyTo = "Acme <hello@acme.test>", "Hello", "help@acme.test"
	}
	email.Template.Variables = g.values(readable)
	if rapid.IntRange(0, 3).Draw(g.t, "windowed") == 0 {
		email.Window = g.window()
	}
	return email
}

func (g *graphGen) sendEvent(readable []string) SendEvent {
	return SendEvent{EventName: g.eventName(), Payload: g.values(readable)}
}

func (g *graphGen) contactUpdate(readable []string) ContactUpdate {
	update := ContactUpdate{Properties: g.values(readable)}
	if g.chance() {
		update.FirstName = rapid.SampledFrom([]Value{String("Ada"), Null(), g.reference(readable)}).Draw(g.t, "first_name")
	}
	if g.chance() || update.Properties == nil {
		update.Unsubscribed = rapid.SampledFrom([]Value{Bool(true), Bool(false), Var("event.opt_out")}).Draw(g.t, "unsubscribed")
	}
	return update
}

func (g *graphGen) values(readable []string) map[string]Value {
	var values map[string]Value
	for _, name := range []string{"PLAN", "seats", "a.b"}[:rapid.IntRange(0, 3).Draw(g.t, "values")] {
		if values == nil {
			values = map[string]Value{}
		}
		values[name] = rapid.SampledFrom([]Value{
			String("x"), Number(9007199254740993), Bool(true), Null(), g.reference(readable), g.reference(readable),
		}).Draw(g.t, "value")
	}
	return values
}

func (g *graphGen) reference(readable []string) Value { return Var(g.path(readable)) }

// path draws a reference.
func (g *graphGen) path(readable []string) string {
	paths := []string{
		"event.plan", "event.amount", "event.items.0.sku", "contact.email", "contact.first_name",
		"contact.unsubscribed", "contact.properties.seats", "trigger.plan", "run.id", "run.started_at", "run.trigger",
	}
	paths = append(paths, readable...)
	return rapid.SampledFrom(paths).Draw(g.t, "path")
}

func (g *graphGen) rule(readable []string, depth int) Rule {
	if depth < 3 && rapid.IntRange(0, 2).Draw(g.t, "group") == 0 {
		rules := make([]Rule, rapid.IntRange(1, 3).Draw(g.t, "rules"))
		for i := range rules {
			rules[i] = g.rule(readable, depth+1)
		}
		return Rule{Type: rapid.SampledFrom([]RuleType{RuleAll, RuleAny}).Draw(g.t, "rule type"), Rules: rules}
	}
	if depth < 3 && rapid.IntRange(0, 5).Draw(g.t, "not") == 0 {
		return Not(g.rule(readable, depth+1))
	}
	field := Field(g.path(readable))
	return rapid.SampledFrom([]Rule{
		field.Eq("pro"), field.Neq(nil), field.Eq(5), field.Gt(4.5), field.Lte(100), field.Gte("2026-01-31"),
		field.Contains("o"), field.StartsWith("p"), field.EndsWith("o"), field.Exists(), field.IsEmpty(), field.IsNotEmpty(), field.NotContains("x"),
		field.In("pro", 5, nil), field.In(true), field.Eq(g.reference(readable)), field.Gt(g.reference(readable)), field.Lt(Now("-7 days")),
		Field("contact.segments").Contains("beta"), Field("contact.segments").NotContains(g.reference(readable)),
	}).Draw(g.t, "rule")
}

func (g *graphGen) duration() Duration {
	return MustParseDuration(rapid.SampledFrom([]string{
		"30 minutes", "1 hour", "1 day 12 hours", "36h", "3 days", "4 weeks", "90s",
	}).Draw(g.t, "duration"))
}

func (g *graphGen) eventName() string {
	return rapid.SampledFrom(genEventNames).Draw(g.t, "event")
}

func (g *graphGen) chance() bool { return rapid.Bool().Draw(g.t, "chance") }

// genMess draws any steps with any connections, which are hardly ever a valid automation.
func genMess(t *rapid.T) Automation {
	keys := rapid.SampledFrom([]string{"", "a", "b", "c", "d", "e", "\xff"})
	types := rapid.SampledFrom([]ConnectionType{
		"", ConnectionDefault, ConnectionConditionMet, ConnectionEventReceived, ConnectionTimeout, "other",
	})
	return Automation{
		Name:   rapid.SampledFrom([]string{"", "Mess"}).Draw(t, "name"),
		Status: rapid.SampledFrom([]Status{"", StatusEnabled, "paused"}).Draw(t, "status"),
		Steps: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Step {
			return Step{Key: keys.Draw(t, "key"), Config: rapid.SampledFrom(messyConfigs).Draw(t, "config")}
		}), 0, 8).Draw(t, "steps"),
		Connections: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Connection {
			return Connection{From: keys.Draw(t, "from"), To: keys.Draw(t, "to"), Type: types.Draw(t, "type")}
		}), 0, 12).Draw(t, "connections"),
	}
}

var messyConfigs = []StepConfig{
	nil,
	(*Delay)(nil),
	(*pagerConfig)(nil),
	Trigger{},
	Trigger{EventName: "user.created"},
	&Trigger{EventName: "resend:x"},
	Condition{},
	Condition{Rule: Rule{Type: "xor", Rules: []Rule{{}}}},
	Condition{Rule: Field("wait_events.order.paid.amount").Gt(ValueOf(struct{}{}))},
	Delay{},
	&Delay{Duration: DurationOf(-1)},
	WaitForEvent{EventName: "order.paid"},
	WaitForEvent{EventName: "order", Timeout: MustParseDuration("1 day"), FilterRule: Field("wait_events.").Exists()},
	SendEmail{From: "\r\n", ReplyTo: "\x00", Template: TemplateRef{Variables: map[string]Value{"": {}}}},
	SendEmail{Template: TemplateRef{ID: "t", Variables: map[string]Value{"a": Var("wait_events.order.paid.amount"), "b": Var("")}}},
	ContactUpdate{},
	ContactUpdate{FirstName: ValueOf(make(chan int)), Unsubscribed: Null()},
	ContactDelete{},
	AddToSegment{},
	SendEvent{},
	&SendEvent{EventName: "sys:x", Payload: map[string]Value{"": {}, "a": Var("wait_events.order.paid.amount"), "\xff": ValueOf(make(chan int))}},
	RawConfig{Type: TypeSendEvent},
	RemoveFromSegment{},
	WaitForAny{},
	WaitForAny{Events: []Listener{{}, {Name: "other", EventName: "order.paid", Match: []Match{{}}}, {Name: "other", EventName: "\xff"}}, ResetOn: []Listener{{Name: "x"}}},
	Branch{},
	Split{},
	Split{Variants: []Variant{{Name: "other", Weight: -1}, {Name: "\xff", Weight: 1 << 60}}, By: "wait_events.order.paid.amount", Salt: "\n"},
	RawConfig{Type: TypeSplit},
	DelayUntil{},
	DelayUntil{At: ValueOf(make(chan int)), Next: &NextTime{Weekdays: []Weekday{"x"}}, Zone: Zone{Number(5)}, IfPast: "\xff"},
	DelayUntil{At: Var("wait_events.order.paid.amount"), After: DurationOf(-1)},
	Window{},
	Window{Hours: []Hours{{}, {Days: []Weekday{""}}}, Except: []Date{{}}, Zone: ZoneAt("\xff")},
	SendEmail{Window: Window{Except: []Date{{}}}},
	&Branch{Branches: []BranchRule{{Name: "other"}, {Name: "other"}, {Name: "timeout", Rule: Field("event.a").Exists()}}},
	RawConfig{},
	RawConfig{Type: TypeBranch},
	RawConfig{Type: TypeDelay},
	RawConfig{Type: "acme.pager", Config: []byte(`{"team":`)},
	RawConfig{Type: "acme.other"},
	pagerConfig{},
	&pagerConfig{Team: "x", Text: Var("event.")},
	impostorConfig{},
}

// pagerConfig is a custom step with a branch of its own.
type pagerConfig struct {
	Team  string           `json:"team"`
	Text  Value            `json:"text,omitzero"`
	Extra map[string]Value `json:"extra,omitempty"`
}

func (pagerConfig) StepType() StepType { return "acme.pager" }

// Validate fails with a plain error or with a list of problems.
func (c pagerConfig) Validate() error {
	switch c.Team {
	case "":
		return errors.New("nobody is paged: give a team")
	case "?":
		return Problems{{Severity: SeverityError, Code: CodeInvalidConfig, Path: "team", Message: "the team is a riddle"}}.Err("")
	default:
		return nil
	}
}

func pagerRegistry() *Registry {
	r := NewRegistry()
	Handle(r, func(context.Context, Call, pagerConfig) (Result, error) { return Result{}, nil },
		StepOptions{Branches: []ConnectionType{"nobody_home"}})
	return r
}

// impostorConfig is a custom config with the step type of a built-in step.
type impostorConfig struct{}

func (impostorConfig) StepType() StepType { return TypeDelay }
