package diagram

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation"
)

// kind is how a type of step is drawn.
type kind struct {
	class string // in SVG, and the name of the icon
	words string // for people
}

var kinds = map[automation.StepType]kind{
	automation.TypeTrigger:       {"trigger", "trigger"},
	automation.TypeCondition:     {"condition", "condition"},
	automation.TypeDelay:         {"delay", "delay"},
	automation.TypeWaitForEvent:  {"wait", "wait for event"},
	automation.TypeSendEmail:     {"email", "send email"},
	automation.TypeContactUpdate: {"update", "contact update"},
	automation.TypeContactDelete: {"delete", "contact delete"},
	automation.TypeAddToSegment:  {"segment", "add to segment"},
	automation.TypeBranch:        {"condition", "branch"},
	automation.TypeSendEvent:     {"trigger", "send event"},
	automation.TypeSplit:         {"condition", "split"},
	automation.TypeWaitForAny:    {"wait", "wait for any event"},

	automation.TypeRemoveFromSegment: {"segment", "remove from segment"},
	automation.TypeDelayUntil:        {"delay", "delay until"},
	automation.TypeWindow:            {"delay", "window"},
}

// summary describes a config in a few words. head is what is cut if it is too long.
type summary struct{ head, tail string }

func (s summary) String() string { return s.head + s.tail }

// configOf returns the config of a step, which is nil if its methods cannot be called.
func configOf(s automation.Step) automation.StepConfig {
	v := reflect.ValueOf(s.Config)
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		if config, ok := v.Elem().Interface().(automation.StepConfig); ok {
			return config
		}
	}
	return s.Config
}

// Describe returns what kind of step a step is, and what it does, in the words of the
// drawings: "delay" and "3 days".
func Describe(s automation.Step) (kind, about string) {
	k, text := describe(configOf(s))
	return k.words, plain(text.String())
}

// Icon returns the icon of a type of step: the data of an SVG path in a square of 20 pixels,
// which is drawn with lines.
func Icon(typ automation.StepType) string {
	if k, ok := kinds[typ]; ok {
		return icons[k.class]
	}
	return icons["custom"]
}

// describe returns how a step with a config is drawn.
func describe(config automation.StepConfig) (kind, summary) {
	if config == nil {
		return kind{"custom", "step"}, summary{head: "no config"}
	}
	typ := config.StepType()
	k, ok := kinds[typ]
	if !ok {
		k = kind{"custom", "custom step"}
	}
	return k, summarize(config, typ)
}

func summarize(config automation.StepConfig, typ automation.StepType) summary {
	switch c := config.(type) {
	case automation.Trigger:
		return summary{head: "on " + cmp.Or(c.EventName, "…")}
	case automation.Delay:
		return summary{head: c.Duration.String()}
	case automation.WaitForEvent:
		if c.Timeout.IsZero() {
			return summary{head: c.EventName}
		}
		return summary{c.EventName, ", up to " + c.Timeout.String()}
	case automation.WaitForAny:
		if c.Timeout.IsZero() {
			return summary{head: eventsOf(c)}
		}
		return summary{eventsOf(c), ", up to " + c.Timeout.String()}
	case automation.Condition:
		return summary{head: ruleText(c.Rule, 0)}
	case automation.Branch:
		return summary{head: namesOf(c)}
	case automation.Split:
		return summary{head: weightsOf(c)}
	case automation.DelayUntil:
		return untilText(c)
	case automation.Window:
		return summary{hoursText(c), zoneText(c.Zone)}
	case automation.SendEmail:
		return summary{head: cmp.Or(c.Template.ID, "…")}
	case automation.ContactUpdate:
		return summary{head: changes(c)}
	case automation.ContactDelete:
		return summary{head: "the contact and its data"}
	case automation.SendEvent:
		return summary{head: cmp.Or(c.EventName, "…")}
	case automation.AddToSegment:
		return summary{head: c.SegmentID}
	case automation.RemoveFromSegment:
		return summary{head: c.SegmentID}
	default:
		return summary{head: string(typ)}
	}
}

// namesOf lists the branches of a step.
func namesOf(b automation.Branch) string {
	names := make([]string, len(b.Branches))
	for i, branch := range b.Branches {
		names[i] = branch.Name
	}
	return strings.Join(names, ", ")
}

// eventsOf lists the events that end a wait, each once.
func eventsOf(w automation.WaitForAny) string {
	var names []string
	for _, l := range w.Events {
		if !slices.Contains(names, l.EventName) {
			names = append(names, l.EventName)
		}
	}
	return strings.Join(names, " or ")
}

// weightsOf lists the variants of a step.
func weightsOf(s automation.Split) string {
	variants := make([]string, len(s.Variants))
	for i, v := range s.Variants {
		variants[i] = fmt.Sprint(v.Name, " ", v.Weight)
	}
	return strings.Join(variants, ", ")
}

// changes lists what a step changes about the contact.
func changes(c automation.ContactUpdate) string {
	var parts []string
	add := func(name string, v automation.Value) {
		if !v.IsZero() {
			parts = append(parts, name+" = "+valueText(v))
		}
	}
	add("first_name", c.FirstName)
	add("last_name", c.LastName)
	add("unsubscribed", c.Unsubscribed)
	for _, name := range slices.Sorted(maps.Keys(c.Properties)) {
		add(name, c.Properties[name])
	}
	return strings.Join(parts, ", ")
}

func valueText(v automation.Value) string {
	if path, ok := v.Ref(); ok {
		return path
	}
	if offset, ok := v.FromNow(); ok {
		if before, ok := strings.CutPrefix(offset, "-"); ok {
			return "now - " + before
		}
		return "now + " + offset
	}
	return v.String()
}

var operators = map[automation.Operator]string{
	automation.OpEq: "=", automation.OpNeq: "≠",
	automation.OpGt: ">", automation.OpGte: "≥", automation.OpLt: "<", automation.OpLte: "≤",
}

// maxRuleDepth is how many groups within each other are described. A draft may have more
// than an automation.
const maxRuleDepth = 10

// ruleText describes a rule that lies within depth groups.
func ruleText(r automation.Rule, depth int) string {
	switch r.Type {
	case automation.RuleAll, automation.RuleAny:
		return groupText(r, depth)
	case automation.RuleNot:
		return notText(r, depth)
	}
	operator, ok := operators[r.Operator]
	if !ok {
		operator = strings.ReplaceAll(string(r.Operator), "_", " ")
	}
	value := valueText(r.Value)
	if r.Operator == automation.OpIn {
		value = listText(r.Values)
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Field, operator, value))
}

// maxListed is how many values of a list are described.
const maxListed = 20

func listText(values []automation.Value) string {
	var texts []string
	for i, v := range values {
		if i == maxListed {
			texts = append(texts, ellipsis)
			break
		}
		texts = append(texts, valueText(v))
	}
	return "(" + strings.Join(texts, ", ") + ")"
}

func notText(r automation.Rule, depth int) string {
	if len(r.Rules) == 1 && depth < maxRuleDepth {
		return "not (" + ruleText(r.Rules[0], depth+1) + ")"
	}
	r.Type = automation.RuleAll // a draft may have several rules in it
	return "not (" + groupText(r, depth) + ")"
}

func groupText(r automation.Rule, depth int) string {
	if depth >= maxRuleDepth {
		return ellipsis
	}
	var parts []string
	for _, member := range r.Rules {
		text := ruleText(member, depth+1)
		if len(member.Rules) > 1 && member.Type != automation.RuleNot {
			text = "(" + text + ")"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " "+string(r.Type)+" ")
}
