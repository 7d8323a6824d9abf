package dashboard

import (
	"cmp"
	"html/template"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/diagram"
)

// keptFirst is how many of the first attempts a run keeps when it omits later ones.
const keptFirst = 5

// stepFacts are the facts about one step of a run.
type stepFacts struct {
	Key, Type, Status, Branch string
	Reached                   moment
	Took                      string // or for how long the step has been in progress
	InProgress                bool
	Code, Message             string // of the error; Message is empty if the page has it already
	First, Last               []attemptView
	Omitted                   int // attempts between First and Last
	Email                     *emailView
	Output, Config            string // indented JSON
}

// attemptView is an attempt that did not succeed.
type attemptView struct {
	Number        int
	At            moment
	Code, Message string // Message is empty if the page has it already
}

// emailView is the email of a step: what the run recorded, and what the step overrides.
type emailView struct {
	To, From, ReplyTo, Subject string
	Template                   string
	ID                         string // that the mailer gave it
	Variables                  string // indented JSON
	// Page shows the email, and Frame its HTML. They are empty if there is nothing to show.
	Page, Frame template.URL
	// Sent reports whether this is the email as it was sent. Otherwise Why is why not.
	Sent bool
	Why  string
}

// typeName returns the name of a step type for people.
func typeName(t automation.StepType) string {
	return strings.ReplaceAll(string(t), "_", " ")
}

// takenWord returns the word for the branch that a run took. The default branch has one too:
// only a branch step records it, where it is one of several.
func takenWord(branch automation.ConnectionType) string {
	return cmp.Or(diagram.BranchWord(branch), string(branch))
}

// stepFacts returns the facts about a step. The definition has no config if it is not known.
func (x *exchange) stepFacts(s automation.StepRun, definition automation.Step, contact string) *stepFacts {
	facts := &stepFacts{
		Key: s.Key, Type: typeName(s.Type), Status: string(s.Status), Branch: takenWord(s.Branch),
		Reached: x.moment(s.StartedAt), Omitted: s.AttemptsOmitted,
	}
	if !s.StartedAt.IsZero() {
		facts.InProgress = s.CompletedAt.IsZero()
		facts.Took = took(x.endOf(s).Sub(s.StartedAt))
	}
	if s.Error != nil {
		facts.Code, facts.Message = string(s.Error.Code), s.Error.Message
	}
	facts.First, facts.Last = x.attempts(s)
	output := x.redactedOutput(s.Output)
	if output != nil {
		facts.Output = indentedValue(output)
	}
	if definition.Config != nil {
		facts.Config = configText(definition.Config)
	}
	if s.Type == automation.TypeSendEmail {
		facts.Email = emailOf(definition.Config, output, contact)
	}
	return facts
}

// configText returns a config as indented JSON.
func configText(c automation.StepConfig) string {
	if raw, ok := c.(automation.RawConfig); ok {
		return indented(raw.Config)
	}
	return indentedValue(c)
}

// endOf returns when a step ended, or now.
func (x *exchange) endOf(s automation.StepRun) time.Time {
	if s.CompletedAt.IsZero() {
		return x.opts.Clock.Now()
	}
	return s.CompletedAt
}

// attempts returns the attempts of a step before those that were omitted, and after them.
func (x *exchange) attempts(s automation.StepRun) (first, last []attemptView) {
	for i, a := range s.Attempts {
		view := attemptView{a.Number, x.moment(a.At), string(a.Error.Code), a.Error.Message}
		if s.AttemptsOmitted > 0 && i >= keptFirst {
			last = append(last, view)
		} else {
			first = append(first, view)
		}
	}
	return first, last
}

// omitRepeated removes each message that the page has already: at its top, or of an earlier
// attempt. Retries often fail for one reason, which may be long; their codes are left.
func (f *stepFacts) omitRepeated(top *runTrouble) {
	seen := map[string]bool{}
	if top != nil {
		seen[top.Message] = true
	}
	omit := func(message *string) {
		if seen[*message] {
			*message = ""
			return
		}
		seen[*message] = true
	}
	omit(&f.Message)
	for i := range f.First {
		omit(&f.First[i].Message)
	}
	for i := range f.Last {
		omit(&f.Last[i].Message)
	}
}

// emailOf returns the email of a step. Before the email was sent, there is only what the
// config has.
func emailOf(config automation.StepConfig, output any, contact string) *emailView {
	email := &emailView{To: contact}
	if c, ok := config.(automation.SendEmail); ok {
		email.From, email.ReplyTo, email.Subject, email.Template = c.From, c.ReplyTo, c.Subject, c.Template.ID
	}
	sent, _ := output.(map[string]any)
	setText(&email.To, sent["to"])
	setText(&email.ID, sent["email_id"])
	if used, ok := sent["template"].(map[string]any); ok {
		setText(&email.Template, used["id"])
		if used["variables"] != nil {
			email.Variables = indentedValue(used["variables"])
		}
	}
	return email
}

// setText sets a text to a value, if that is a text.
func setText(text *string, value any) {
	if v, ok := value.(string); ok {
		*text = v
	}
}
