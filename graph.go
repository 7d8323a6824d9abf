package automation

import (
	"fmt"
	"slices"
	"time"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// Graph is a valid automation in compiled form: steps by index, parsed durations and
// paths, resolved connections. A Graph is immutable and safe for concurrent use. All
// runs of a version share one Graph.
type Graph struct {
	name       string
	steps      []node
	order      []int    // indices of the steps: each step follows the steps that lead to it
	readsEvent bool     // at least one step reads the payload of the triggering event
	readsWait  bool     // at least one step reads wait_events
	readsRun   bool     // at least one step reads a field of the run
	readsSteps []int    // the steps whose outputs a step reads, by index
	entry      *entry   // nil if every event of the trigger starts a run
	exit       *exit    // nil if nothing ends a run early
	sends      []string // the names of the events that steps send, each once
	opts       CompileOptions
}

// CompileOptions hold the settings of a graph that are not part of the automation. The
// zero value works.
type CompileOptions struct {
	// Registry holds the custom step types. Nil means that there are none.
	Registry *Registry
	// Limits bound the automation. A zero field means its default.
	Limits Limits
	// Retry is the policy for failed effects of automations and steps without a policy
	// of their own.
	Retry RetryPolicy
	// Delivery applies to steps that choose no delivery. The default is AtLeastOnce.
	Delivery Delivery
	// MaxLateness is how late an email may be. An email that is later is skipped.
	// Zero means that an email is sent however late it is.
	MaxLateness time.Duration
	// Zone is how steps find the time zone of a contact.
	Zone ZoneOptions
	// Window is when emails may be sent whose step has no window. The zero Window means
	// that they may be sent at any time.
	Window Window
}

// node is a compiled step. A field that the step's type does not use is zero.
type node struct {
	key      string
	typ      StepType
	edges    []edge
	event    string        // trigger, wait_for_event
	duration time.Duration // delay; a wait: the timeout, or zero for none
	lookback bool          // wait_for_event, wait_for_any
	any      *anyWait      // wait_for_any
	recalled bool          // of a wait: later waits need the id of its event
	rule     *CompiledRule // condition; wait_for_event: the filter, or nil
	arms     []arm         // branch
	split    *split        // split
	until    *until        // delay_until
	window   *opening      // window; send_email: when it may be sent, or nil
	effect   effect        // nil for a step that has no effect
	delivery Delivery      // of the effect
	retry    RetryPolicy   // of the effect, with its defaults
}

type edge struct {
	typ ConnectionType
	to  int
}

// Compile validates an automation and compiles it into a Graph. If the automation is
// invalid, the error is a *ValidationError with every problem that Validate reports,
// except warnings.
func Compile(a Automation, opts CompileOptions) (*Graph, error) {
	problems := Validate(a, ValidateOptions{Registry: opts.Registry, Limits: opts.Limits})
	if err := problems.Err("automation " + jsondoc.Quote(a.Name)); err != nil {
		return nil, err
	}
	g, err := compile(a, opts)
	if err != nil {
		return nil, fmt.Errorf("automation: %s: %w", jsondoc.Quote(a.Name), err)
	}
	return g, nil
}

// compile makes a Graph of an automation that was valid when it was stored. It ignores
// the limits, because they may be narrower now than they were then.
func compile(a Automation, opts CompileOptions) (*Graph, error) {
	return (&compiler{}).compile(a, opts)
}

// compileDisplay makes a Graph for StepRuns only. It leaves out what custom steps do, so
// it needs no Registry: a tool can show the runs of every application.
func compileDisplay(a Automation) (*Graph, error) {
	return (&compiler{display: true}).compile(a, CompileOptions{})
}

func (c *compiler) compile(a Automation, opts CompileOptions) (*Graph, error) {
	opts.Retry = a.Retry.or(opts.Retry)
	if opts.Delivery == "" {
		opts.Delivery = AtLeastOnce
	}
	g := &Graph{name: a.Name, steps: make([]node, len(a.Steps)), opts: opts}
	c.id, c.g, c.names, c.index = a.ID, g, &pathNames{waits: waitedNames(a)}, make(map[string]int, len(a.Steps))
	for i, s := range a.Steps {
		c.index[s.Key] = i
		c.names.steps = append(c.names.steps, s.Key)
	}
	for i, s := range a.Steps {
		if err := c.step(&g.steps[i], s); err != nil {
			return nil, fmt.Errorf("step %q: %w", s.Key, err)
		}
	}
	if err := c.connect(a.Connections); err != nil {
		return nil, err
	}
	g.order = topological(g.steps)
	g.recall()
	if c.display {
		return g, nil
	}
	var err error
	if g.exit, err = c.exit(a); err != nil {
		return nil, fmt.Errorf("exit: %w", err)
	}
	if g.entry, err = c.entry(a); err != nil {
		return nil, fmt.Errorf("entry: %w", err)
	}
	return g, nil
}

// Event returns the name of the event that starts runs of the graph.
func (g *Graph) Event() string { return g.steps[0].event }

// compiler holds what the steps of one graph share during compilation.
type compiler struct {
	display bool   // for StepRuns only
	id      string // of the automation
	g       *Graph
	names   *pathNames
	index   map[string]int
}

func waitedNames(a Automation) []string {
	var names []string
	for _, s := range a.Steps {
		names = append(names, receivable(plainConfig(s.Config))...)
	}
	return names
}

func (c *compiler) step(n *node, s Step) (err error) {
	n.key, n.typ = s.Key, s.Config.StepType()
	switch cfg := plainConfig(s.Config).(type) {
	case Trigger:
		n.event = cfg.EventName
	case Condition:
		n.rule, err = c.rule(cfg.Rule)
	case Branch:
		n.arms, err = c.arms(cfg)
	case Split:
		n.split, err = c.split(s.Key, cfg)
	case DelayUntil:
		n.until, err = c.until(cfg)
	case Window:
		n.window, err = c.opening(cfg)
	case Delay:
		n.duration, err = cfg.Duration.Std(), cfg.Duration.Err()
	case WaitForEvent:
		n.event, n.lookback = cfg.EventName, cfg.Lookback
		n.duration, err = cfg.Timeout.Std(), cfg.Timeout.Err()
		if err == nil && !cfg.FilterRule.IsZero() {
			n.rule, err = c.rule(cfg.FilterRule)
		}
	case WaitForAny:
		n.lookback = cfg.Lookback
		n.duration, err = cfg.Timeout.Std(), cfg.Timeout.Err()
		if err == nil {
			n.any, err = c.anyWait(cfg)
		}
	case SendEmail:
		n.effect, err = c.email(cfg)
		n.delivery, n.retry = cfg.Delivery, cfg.Retry
		if err == nil {
			n.window, err = c.emailWindow(cfg.Window)
		}
	case ContactUpdate:
		n.effect, err = c.contactUpdate(cfg)
	case ContactDelete:
		n.effect = deleteEffect{}
	case AddToSegment:
		n.effect = segmentEffect{id: cfg.SegmentID}
	case RemoveFromSegment:
		n.effect = segmentEffect{id: cfg.SegmentID, leave: true}
	case SendEvent:
		n.effect, err = c.sendEvent(cfg)
	default:
		if c.display {
			n.effect = shownEffect{}
			break
		}
		err = c.custom(n, s.Config)
	}
	if n.delivery == "" {
		n.delivery = c.g.opts.Delivery
	}
	n.retry = n.retry.or(c.g.opts.Retry).withDefaults()
	return err
}

func (c *compiler) rule(r Rule) (*CompiledRule, error) {
	rule, err := compileRule(r, c.names)
	if err == nil {
		for i := range rule.leaves {
			leaf := &rule.leaves[i]
			c.reads(&leaf.field)
			if leaf.other != nil && leaf.other.ref != nil {
				c.reads(leaf.other.ref)
			}
		}
	}
	return rule, err
}

func (c *compiler) value(name string, v Value) (namedValue, error) {
	nv := namedValue{name: name, literal: v.Literal()}
	ref, ok := v.Ref()
	if !ok {
		return nv, nil
	}
	p, err := compilePath(ref, c.names)
	if err != nil {
		return nv, err
	}
	c.reads(&p)
	nv.path = &p
	return nv, nil
}

// reads records which data the path needs.
func (c *compiler) reads(p *path) {
	c.g.readsEvent = c.g.readsEvent || p.scope == scopeEvent || p.scope == scopeTrigger
	c.g.readsRun = c.g.readsRun || p.scope == scopeRun
	c.g.readsWait = c.g.readsWait || p.scope == scopeWaitEvents
	if p.scope == scopeSteps && !slices.Contains(c.g.readsSteps, c.index[p.name]) {
		c.g.readsSteps = append(c.g.readsSteps, c.index[p.name])
	}
}

func (c *compiler) connect(connections []Connection) error {
	for _, conn := range connections {
		from, ok := c.index[conn.From]
		to, ok2 := c.index[conn.To]
		if !ok || !ok2 {
			return fmt.Errorf("connection %q to %q: no such step", conn.From, conn.To)
		}
		typ := conn.Type
		if typ == "" {
			typ = ConnectionDefault
		}
		n := &c.g.steps[from]
		n.edges = append(n.edges, edge{typ, to})
	}
	return nil
}

// target returns the index of the step that follows the outcome typ, if there is one.
func (n *node) target(typ ConnectionType) (int, bool) {
	for _, e := range n.edges {
		if e.typ == typ {
			return e.to, true
		}
	}
	return 0, false
}

// topological returns the indices of the steps in an order in which each step comes after
// all steps that lead to it. Apart from that, the steps keep their order.
func topological(steps []node) []int {
	indegree := make([]int, len(steps))
	for i := range steps {
		for _, e := range steps[i].edges {
			indegree[e.to]++
		}
	}
	order := make([]int, 0, len(steps))
	placed := make([]bool, len(steps))
	var place func(i int)
	place = func(i int) {
		order, placed[i] = append(order, i), true
		for _, e := range steps[i].edges {
			if indegree[e.to]--; indegree[e.to] == 0 && !placed[e.to] {
				place(e.to)
			}
		}
	}
	for i := range steps {
		if indegree[i] == 0 && !placed[i] {
			place(i)
		}
	}
	return order
}
