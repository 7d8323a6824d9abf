package timeline

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// width is how many characters of a payload or a list are shown, so that lines have at most
// 100. Errors are shown in full.
const width = 67

// describe returns the kind and the detail of the line about a change of a step. The kind
// is empty if the change gets no line.
func describe(n *automation.StepChanged, start time.Time) (kind, detail string) {
	kind = "step"
	if n.Step.Type == automation.TypeSendEmail {
		kind = "email"
	}
	switch n.Step.Status {
	case automation.StepWaiting:
		return kind, waiting(n, start)
	case automation.StepCompleted:
		return kind, completed(n)
	case automation.StepSkipped:
		return kind, "skipped: " + output(n.Step).Reason
	case automation.StepFailed:
		return kind, "FAILED: " + reason(n.Step.Error)
	case automation.StepCancelled:
		return kind, "cancelled"
	default:
		if detail = attempt(n, start); detail == "" {
			return "", ""
		}
		return kind, detail
	}
}

func waiting(n *automation.StepChanged, start time.Time) string {
	text := "waits"
	if len(n.Run.Listens) > 0 && isForEvents(n.Step.Type) {
		text += " for " + strings.Join(n.Run.Listens, " or ")
	}
	if n.Run.DueAt.IsZero() {
		return text + ", however long"
	}
	return text + " until " + Since(start, n.Run.DueAt)
}

// isForEvents reports whether a step waits for events. What other steps listen to ends the run,
// or replaces it.
func isForEvents(typ automation.StepType) bool {
	return typ == automation.TypeWaitForEvent || typ == automation.TypeWaitForAny
}

func completed(n *automation.StepChanged) string {
	out := output(n.Step)
	switch n.Step.Type {
	case automation.TypeTrigger:
		return "on " + n.Run.EventName
	case automation.TypeCondition:
		return short(fmt.Sprintf("-> %s   %s", n.Step.Branch, comparisons(out.Rules)))
	case automation.TypeBranch:
		return short(fmt.Sprintf("-> %s   %s", n.Step.Branch, out.branches()))
	case automation.TypeSplit:
		if out.Holdout {
			return fmt.Sprintf("-> %s   holdout", n.Step.Branch)
		}
		return fmt.Sprintf("-> %s", n.Step.Branch)
	case automation.TypeWaitForEvent, automation.TypeWaitForAny:
		return fmt.Sprintf("-> %s   %s", n.Step.Branch, out.EventName)
	case automation.TypeDelay:
		return "is over"
	case automation.TypeDelayUntil:
		return until(out)
	case automation.TypeWindow:
		return "is open   " + zone(out)
	case automation.TypeSendEmail:
		return short(fmt.Sprintf("%q to %s   %s", out.Template.ID, out.To, compact(out.Variables)))
	case automation.TypeSendEvent:
		return "sent event " + out.EventID
	case automation.TypeContactUpdate, automation.TypeContactDelete, automation.TypeAddToSegment, automation.TypeRemoveFromSegment:
		return "done"
	default:
		return short("done   " + compact(n.Step.Output))
	}
}

// attempt describes an effect that failed and is retried. It returns "" for an effect
// that is in flight for the first time.
func attempt(n *automation.StepChanged, start time.Time) string {
	tries := len(n.Step.Attempts)
	switch {
	case tries == 0:
		return ""
	case !n.Run.DueAt.After(n.At):
		return "is tried again"
	}
	last := n.Step.Attempts[tries-1]
	return fmt.Sprintf("attempt %d failed, next at %s: %s", last.Number, Since(start, n.Run.DueAt), reason(&last.Error))
}

// stepOutput holds the fields of the outputs of the built-in steps.
type stepOutput struct {
	Reason    string `json:"reason"`
	EventName string `json:"event_name"`
	EventID   string `json:"event_id"`
	To        string `json:"to"`
	Template  struct {
		ID string `json:"id"`
	} `json:"template"`
	Variables json.RawMessage `json:"variables"`
	Rules     []comparison    `json:"rules"`
	Holdout   bool            `json:"holdout"`
	Result    string          `json:"result"`
	ResumeAt  string          `json:"resume_at"`
	Zone      string          `json:"zone"`
	Source    string          `json:"zone_source"`
	Branches  []struct {
		Name  string       `json:"name"`
		Rules []comparison `json:"rules"`
	} `json:"branches"`
}

type comparison struct {
	Field    string          `json:"field"`
	Operator string          `json:"operator"`
	Value    json.RawMessage `json:"value"`
	Values   json.RawMessage `json:"values"`
	Result   *bool           `json:"result"`
}

// output decodes a step's output. An output of another form has no fields.
func output(s automation.StepRun) stepOutput {
	var out stepOutput
	if len(s.Output) == 0 || json.Unmarshal(s.Output, &out) != nil {
		return stepOutput{}
	}
	return out
}

// branches lists the comparisons that were evaluated for each branch.
func (o stepOutput) branches() string {
	var parts []string
	for _, b := range o.Branches {
		parts = append(parts, b.Name+": "+comparisons(b.Rules))
	}
	return strings.Join(parts, "; ")
}

// comparisons lists the comparisons that were evaluated.
func comparisons(rules []comparison) string {
	var parts []string
	for _, c := range rules {
		if c.Result == nil {
			continue
		}
		words := []string{c.Field, c.Operator}
		for _, value := range []json.RawMessage{c.Value, c.Values} {
			if len(value) > 0 {
				words = append(words, string(value))
			}
		}
		parts = append(parts, fmt.Sprintf("%s is %t", strings.Join(words, " "), *c.Result))
	}
	return strings.Join(parts, ", ")
}

func ending(r automation.Run) string {
	if x := r.Exit; x != nil && x.Reason == automation.ExitEvent {
		return fmt.Sprintf("%s early: %s", r.Status, cmp.Or(x.Name, "an exit event came"))
	} else if x != nil {
		return fmt.Sprintf("%s early: while_rule did not hold", r.Status)
	}
	if r.Error == nil {
		return string(r.Status)
	}
	return fmt.Sprintf("%s: %s", r.Status, reason(r.Error))
}

func reason(e *automation.StepError) string {
	if e == nil {
		return ""
	}
	first, _, _ := strings.Cut(e.Message, "\n") // the stack of a panic follows
	return first
}

// fields lists the fields of a new contact besides its email.
func fields(c automation.Contact) string {
	ch := automation.ContactChange{Properties: c.Properties, AddSegments: c.Segments}
	if c.FirstName != "" {
		ch.FirstName = &c.FirstName
	}
	if c.LastName != "" {
		ch.LastName = &c.LastName
	}
	if c.Unsubscribed {
		ch.Unsubscribed = &c.Unsubscribed
	}
	return changes(ch)
}

func changes(c automation.ContactChange) string {
	var parts []string
	add := func(name string, v any) { parts = append(parts, name+"="+encode(v)) }
	if c.Email != nil {
		add("email", *c.Email)
	}
	if c.FirstName != nil {
		add("first_name", *c.FirstName)
	}
	if c.LastName != nil {
		add("last_name", *c.LastName)
	}
	if c.Unsubscribed != nil {
		add("unsubscribed", *c.Unsubscribed)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Properties)) {
		add("properties."+name, c.Properties[name])
	}
	for _, id := range c.AddSegments {
		parts = append(parts, "joins segment "+encode(id))
	}
	for _, id := range c.RemoveSegments {
		parts = append(parts, "leaves segment "+encode(id))
	}
	return short(strings.Join(parts, ", "))
}

// encode returns v as JSON, and as fmt prints it if v has no JSON.
func encode(v any) string {
	text, err := jsondoc.Encode(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

// compact returns a JSON text without the spaces between its parts.
func compact(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return string(raw)
	}
	return b.String()
}

// short returns text as it is, or its beginning if it is too long for a line.
func short(text string) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:width-1]) + "…"
}
