package dashboard

import (
	"cmp"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/diagram"
)

// draft is a document that may be invalid, as far as it can be drawn.
type draft struct {
	Name        json.RawMessage `json:"name"`
	Steps       []draftStep     `json:"steps"`
	Connections []connection    `json:"connections"`
	Entry       json.RawMessage `json:"entry,omitempty"`
	Exit        json.RawMessage `json:"exit,omitempty"`
	broken      map[string]bool // keys of the steps that cannot be decoded
}

type draftStep struct {
	key, typ string
	config   automation.StepConfig // nil if it cannot be decoded
}

// UnmarshalJSON keeps what is there. Values of other types count as absent.
func (s *draftStep) UnmarshalJSON(data []byte) error {
	var fields struct{ Key, Type any }
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil // not an object: a step without a key
	}
	s.key, _ = fields.Key.(string)
	s.typ, _ = fields.Type.(string)
	var step automation.Step
	if step.UnmarshalJSON(data) == nil {
		s.config = step.Config
	}
	return nil
}

// connection is a connection of a draft.
type connection struct{ from, to, branch string }

// UnmarshalJSON keeps what is there. Values of other types count as absent.
func (c *connection) UnmarshalJSON(data []byte) error {
	var fields struct{ From, To, Type any }
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil
	}
	c.from, _ = fields.From.(string)
	c.to, _ = fields.To.(string)
	c.branch, _ = fields.Type.(string)
	if c.branch == "" {
		c.branch = string(automation.ConnectionDefault)
	}
	return nil
}

// decode returns the automation of a document, and the problems of its decoding. Where a
// step cannot be decoded, the automation has a valid config instead: the problems of the
// other steps are then found too.
func (d *draft) decode(document []byte) (automation.Automation, automation.Problems) {
	var a automation.Automation
	err := a.UnmarshalJSON(document)
	if err == nil {
		return a, nil
	}
	var invalid *automation.ValidationError
	if !errors.As(err, &invalid) {
		return a, automation.Problems{{Severity: automation.SeverityError, Code: automation.CodeSyntax, Message: err.Error()}}
	}
	_ = json.Unmarshal(d.Name, &a.Name) // a name of another type is among the problems
	d.decodeRules(&a)
	d.broken = map[string]bool{}
	for _, s := range d.Steps {
		config := s.config
		if config == nil {
			d.broken[s.key] = true
			config = d.standIn(s)
		}
		a.Steps = append(a.Steps, automation.Step{Key: s.key, Config: config})
	}
	for _, c := range d.Connections {
		a.Connections = append(a.Connections, automation.Connection{From: c.from, To: c.to, Type: automation.ConnectionType(c.branch)})
	}
	return a, d.locate(invalid.Problems)
}

// decodeRules sets the rules of entry and of exit, as far as they can be decoded: what cannot
// is among the problems.
func (d *draft) decodeRules(a *automation.Automation) {
	for name, rules := range map[string]json.RawMessage{"entry": d.Entry, "exit": d.Exit} {
		if len(rules) == 0 {
			continue
		}
		var only automation.Automation
		document, err := json.Marshal(map[string]json.RawMessage{name: rules})
		if err == nil && only.UnmarshalJSON(document) == nil {
			a.Entry, a.Exit = cmp.Or(only.Entry, a.Entry), cmp.Or(only.Exit, a.Exit)
		}
	}
}

// known returns the problems that are not about a stand-in.
func (d *draft) known(problems automation.Problems) automation.Problems {
	var known automation.Problems
	for _, p := range problems {
		if p.Step == "" || !d.broken[p.Step] {
			known = append(known, p)
		}
	}
	return known
}

// standIn returns a valid config in place of one that cannot be decoded.
func (d *draft) standIn(s draftStep) automation.StepConfig {
	switch typ := automation.StepType(s.typ); typ {
	case automation.TypeBranch:
		return automation.Branch{Branches: d.branchesOut(s.key)}
	case automation.TypeSplit:
		return automation.Split{Variants: d.variantsOut(s.key)}
	case automation.TypeTrigger:
		return automation.Trigger{EventName: "event"}
	case automation.TypeCondition:
		return automation.Condition{Rule: automation.Field("contact.email").Exists()}
	case automation.TypeDelay:
		return automation.Delay{Duration: automation.MustParseDuration("1 day")}
	case automation.TypeDelayUntil:
		return d.untilOut(s.key)
	case automation.TypeWindow:
		return automation.Window{Hours: []automation.Hours{{From: automation.MustParseLocalTime("00:00"), To: automation.MustParseLocalTime("24:00")}}}
	case automation.TypeWaitForEvent:
		return automation.WaitForEvent{EventName: "event"}
	case automation.TypeWaitForAny:
		return automation.WaitForAny{Events: d.eventsOut(s.key)}
	case automation.TypeSendEmail:
		return automation.SendEmail{Template: automation.TemplateRef{ID: "template"}}
	case automation.TypeContactUpdate:
		return automation.ContactUpdate{FirstName: automation.Null()}
	case automation.TypeContactDelete:
		return automation.ContactDelete{}
	case automation.TypeSendEvent:
		return automation.SendEvent{EventName: "event"}
	case automation.TypeAddToSegment:
		return automation.AddToSegment{SegmentID: "segment"}
	case automation.TypeRemoveFromSegment:
		return automation.RemoveFromSegment{SegmentID: "segment"}
	default:
		return automation.RawConfig{Type: typ}
	}
}

// branchesOut returns a branch for each connection out of a step, which is then valid.
func (d *draft) branchesOut(key string) []automation.BranchRule {
	branches := []automation.BranchRule{}
	for _, c := range d.Connections {
		if c.from == key && c.branch != string(automation.ConnectionDefault) {
			branches = append(branches, automation.BranchRule{Name: c.branch, Rule: automation.Field("contact.email").Exists()})
		}
	}
	return branches
}

// untilOut returns a config that is valid with the connections out of a step.
func (d *draft) untilOut(key string) automation.DelayUntil {
	until := automation.DelayUntil{At: automation.String("2026-01-01T09:00:00Z"), IfPast: automation.OtherwiseContinue}
	for _, c := range d.Connections {
		if c.from == key && c.branch == string(automation.ConnectionPast) {
			until.IfPast = ""
		}
	}
	return until
}

// variantsOut is branchesOut for the variants of a split.
func (d *draft) variantsOut(key string) []automation.Variant {
	var variants []automation.Variant
	for _, b := range d.branchesOut(key) {
		variants = append(variants, automation.Variant{Name: b.Name, Weight: 1})
	}
	return variants
}

// eventsOut is branchesOut for the events of a wait. There is at least one.
func (d *draft) eventsOut(key string) []automation.Listener {
	events := []automation.Listener{{EventName: "event"}}
	for _, b := range d.branchesOut(key) {
		if typ := automation.ConnectionType(b.Name); typ != automation.ConnectionEventReceived && typ != automation.ConnectionTimeout {
			events = append(events, automation.Listener{Name: b.Name, EventName: "event " + b.Name})
		}
	}
	return events
}

// stepPath finds the index of the step in the path of a problem.
var stepPath = regexp.MustCompile(`^steps\[(\d+)\]`)

// locate gives each problem of the decoding the key of its step.
func (d *draft) locate(problems automation.Problems) automation.Problems {
	located := append(automation.Problems{}, problems...)
	for i, p := range located {
		match := stepPath.FindStringSubmatch(p.Path)
		if p.Step != "" || match == nil {
			continue
		}
		if n, err := strconv.Atoi(match[1]); err == nil && n < len(d.Steps) {
			located[i].Step = d.Steps[n].key
		}
	}
	return located
}

// summaryOf describes a step, and whether the trigger has rules, which its form shows.
func (d *draft) summaryOf(i int) string {
	text := d.Steps[i].summary()
	if i == 0 && len(d.Entry)+len(d.Exit) > 0 {
		text += ", with rules"
	}
	return text
}

// summary describes the step in the words of the drawings. What cannot be decoded has the name
// of its type.
func (s draftStep) summary() string {
	if s.config == nil {
		return s.typ
	}
	_, about := diagram.Describe(automation.Step{Key: s.key, Config: s.config})
	return about
}
