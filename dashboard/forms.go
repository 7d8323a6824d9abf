package dashboard

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/seed-b636437c/automation"
)

// formField describes a field of a config for the editor: its type, and the words of its form.
type formField struct {
	Name     string                `json:"name,omitempty"`
	Kind     automation.ConfigKind `json:"kind"`
	Required bool                  `json:"required,omitempty"`
	Fields   []formField           `json:"fields,omitempty"`
	Element  *formField            `json:"element,omitempty"`
	// Short is the field of an object that a text stands for, if there is no other field.
	Short string `json:"short,omitempty"`
	fieldWords
}

// fieldWords are the words of a field. Without a label, its name is shown.
type fieldWords struct {
	Label       string   `json:"label,omitempty"`
	Hint        string   `json:"hint,omitempty"`
	Placeholder string   `json:"placeholder,omitempty"`
	Offers      string   `json:"list,omitempty"` // of names; see pick
	Choices     []string `json:"choices,omitempty"`
}

const durations = "For example 30 minutes, 3 days, or 1 day 12 hours"

// words are those of the fields of built-in types, by their names.
var words = map[string]fieldWords{
	"event_name":    {Label: "Event", Offers: "events"},
	"duration":      {Label: "How long", Hint: durations},
	"timeout":       {Label: "At most", Hint: durations, Placeholder: "for ever"},
	"lookback":      {Label: "Also accept events since the run began"},
	"filter_rule":   {Label: "Only events for which this holds"},
	"segment_id":    {Label: "Segment", Hint: "Its id", Offers: "segments"},
	"name":          {Label: "Name"},
	"rule":          {Label: "Taken if this holds"},
	"weight":        {Label: "Weight", Hint: "A whole number"},
	"holdout":       {Label: "Holdout: the run ends here on purpose"},
	"salt":          {Label: "Salt", Hint: "Splits with one salt and the same weights agree", Placeholder: "of this step"},
	"by":            {Label: "By", Hint: "contact, run, or a path such as event.team_id", Placeholder: "contact"},
	"triggers":      {Label: "Other events that start runs"},
	"audience_rule": {Label: "Only contacts for whom this holds"},
	"reentry":       {Label: "Contacts who enter again"},
	"key":           {Label: "Each value of", Hint: "A path in the payload, such as event.cart_id", Placeholder: "the contact"},
	"while_running": {Label: "While a run is running", Placeholder: "as usual", Choices: []string{"parallel", "ignore", "restart"}},
	"limit":         {Label: "At most this many starts"},
	"per":           {Label: "In this time", Hint: durations, Placeholder: "ever"},
	"events":        {Label: "Events"},
	"reset_on":      {Label: "Events that begin the wait anew"},
	"match":         {Label: "Fields in common"},
	"while_rule":    {Label: "Ends unless this holds"},
	"max_age":       {Label: "Ends after", Hint: durations, Placeholder: "no time"},
	"at":            {Label: "Date or time"},
	"offset":        {Label: "Before or after it", Hint: "For example -1 day or 2 hours"},
	"time":          {Label: "Time of day", Hint: "For example 09:00"},
	"if_past":       {Label: "If it has passed", Placeholder: "take its own branch", Choices: []string{"continue", "end", "fail"}},
	"if_missing":    {Label: "If it is missing", Placeholder: "fail", Choices: []string{"continue", "end", "fail"}},
	"next":          {Label: "The next"},
	"weekdays":      {Label: "Weekdays", Hint: "For example mon, thu", Placeholder: "any"},
	"days":          {Label: "Days", Hint: "For example mon, tue", Placeholder: "all"},
	"after":         {Label: "After at least", Hint: durations},
	"zone":          {Label: "Time zone", Hint: "contact, or a name such as Europe/Berlin"},
	"hours":         {Label: "Open hours"},
	"from":          {Label: "From", Hint: "For example 09:00"},
	"to":            {Label: "To", Hint: "For example 17:00"},
	"except":        {Label: "Except on", Hint: "For example 2026-12-25"},
	"payload":       {Label: "Payload"},
}

// matchField is the form of a Match, which decodes itself and so describes itself as any JSON.
var matchField = formField{Kind: automation.ConfigObject, Short: "event", Fields: []formField{
	{Name: "event", Kind: automation.ConfigString, fieldWords: fieldWords{Label: "In the event", Placeholder: "cart_id"}},
	{Name: "run", Kind: automation.ConfigString, fieldWords: fieldWords{
		Label: "In the run", Placeholder: "the same field", Offers: "paths", Hint: "A path such as trigger.cart_id or contact.properties.team",
	}},
}}

// fieldsOf returns the fields of an object for a form.
func fieldsOf(config automation.ConfigType, hasWords bool) []formField {
	var fields []formField
	for _, f := range config.Fields {
		made := formOf(f.ConfigType, hasWords)
		made.Name, made.Required = f.Name, f.Required
		if hasWords {
			made.fieldWords = words[f.Name]
		}
		if hasWords && f.Name == "match" {
			made.Element = &matchField
		}
		fields = append(fields, made)
	}
	return fields
}

func formOf(config automation.ConfigType, hasWords bool) formField {
	f := formField{Kind: config.Kind, Fields: fieldsOf(config, hasWords)}
	if config.Element != nil {
		element := formOf(*config.Element, hasWords)
		f.Element = &element
	}
	return f
}

// stepForm describes a step type for the editor.
type stepForm struct {
	Branches []automation.ConnectionType `json:"branches,omitempty"`
	Fields   []formField                 `json:"fields,omitempty"`
	Kinds    []formKind                  `json:"kinds,omitempty"`
}

// formKind is one of several kinds of configs that a step type has. The form shows the fields
// of one kind at a time.
type formKind struct {
	Name string `json:"name"`
	// Fields are those that only this kind has. A config with the first of them is of this kind.
	Fields []string `json:"fields"`
	// Config is what a config of this kind begins with.
	Config json.RawMessage `json:"config"`
}

// formKinds are those of the built-in types.
var formKinds = map[automation.StepType][]formKind{
	automation.TypeDelayUntil: {
		{"a date, or a time before or after it", []string{"at", "offset", "time", "if_past", "if_missing"}, json.RawMessage(`{"at":{"var":""}}`)},
		{"the next time of day", []string{"next", "after"}, json.RawMessage(`{"next":{"time":"09:00"}}`)},
	},
}

// stepFormOf describes a step type. The field that makes a config one of a kind stays if it is
// emptied, so that the form does not change under a person's hands.
func stepFormOf(t automation.StepTypeInfo) stepForm {
	form := stepForm{t.Branches, fieldsOf(t.Config, t.BuiltIn), formKinds[t.Type]}
	for _, kind := range form.Kinds {
		for i := range form.Fields {
			if form.Fields[i].Name == kind.Fields[0] {
				form.Fields[i].Required = true
			}
		}
	}
	return form
}

// newStep is a type of step that a person can add.
type newStep struct {
	Type automation.StepType `json:"type"`
	Name string              `json:"name"`
	// Word is what the key is made from, and Config the first config.
	Word   string          `json:"word"`
	Config json.RawMessage `json:"config"`
}

func newStepOf(typ automation.StepType, name, word, config string) newStep {
	return newStep{typ, name, word, json.RawMessage(config)}
}

// firstRule is the first rule of a form.
const firstRule = `{"field":"","operator":"eq","value":""}`

// builtinSteps are the built-in types that a person can add, in the order of the editor.
var builtinSteps = []newStep{
	newStepOf(automation.TypeSendEmail, "Send an email", "email", `{"template":{"id":""}}`),
	newStepOf(automation.TypeDelay, "Wait for a time", "delay", `{"duration":"1 day"}`),
	newStepOf(automation.TypeDelayUntil, "Wait until a date or a time", "until", `{"next":{"time":"09:00"},"zone":"contact"}`),
	newStepOf(automation.TypeWindow, "Wait for open hours", "window", `{"hours":[{"from":"09:00","to":"17:00"}],"zone":"contact"}`),
	newStepOf(automation.TypeWaitForEvent, "Wait for an event", "wait", `{"event_name":"","timeout":"3 days"}`),
	newStepOf(automation.TypeWaitForAny, "Wait for one of several events", "wait", `{"events":[{"event_name":""}],"timeout":"3 days"}`),
	newStepOf(automation.TypeCondition, "Take a branch", "check", firstRule),
	newStepOf(automation.TypeBranch, "Take one of several branches", "branch", `{"branches":[{"name":"a","rule":`+firstRule+`}]}`),
	newStepOf(automation.TypeSplit, "Split at random", "split", `{"variants":[{"name":"a","weight":1},{"name":"b","weight":1}]}`),
	newStepOf(automation.TypeSendEvent, "Send an event", "event", `{"event_name":""}`),
	newStepOf(automation.TypeContactUpdate, "Change the contact", "update", `{"properties":{}}`),
	newStepOf(automation.TypeAddToSegment, "Add to a segment", "segment", `{"segment_id":""}`),
	newStepOf(automation.TypeRemoveFromSegment, "Remove from a segment", "segment", `{"segment_id":""}`),
	newStepOf(automation.TypeContactDelete, "Delete the contact", "delete", `{}`),
}

// editorForms are what the editor needs to know about the types of a Runner. They stay the
// same once the application has started.
type editorForms struct {
	types map[automation.StepType]automation.StepTypeInfo
	Types map[automation.StepType]stepForm `json:"types"`
	Adds  []newStep                        `json:"adds"`
	Rules map[string][]formField           `json:"rules"` // of entry and exit
}

func newEditorForms(runner *automation.Runner) editorForms {
	f := editorForms{
		types: map[automation.StepType]automation.StepTypeInfo{}, Types: map[automation.StepType]stepForm{},
		Rules: map[string][]formField{},
	}
	for _, t := range runner.StepTypes() {
		f.types[t.Type] = t
	}
	for _, s := range builtinSteps {
		if _, ok := f.types[s.Type]; ok {
			f.Adds = append(f.Adds, s)
		}
	}
	for _, t := range runner.StepTypes() {
		f.Types[t.Type] = stepFormOf(t)
		if !t.BuiltIn {
			name := string(t.Type)
			f.Adds = append(f.Adds, newStepOf(t.Type, name, name[strings.LastIndex(name, ".")+1:], `{}`))
		}
	}
	for _, t := range ruleTypes().Describe() {
		f.Rules[strings.TrimPrefix(string(t.Type), "rules.")] = fieldsOf(t.Config, true)
	}
	return f
}

// entryRules and exitRules have the fields of Entry and Exit. Only their description is used.
type (
	entryRules automation.Entry
	exitRules  automation.Exit
)

func (entryRules) StepType() automation.StepType { return "rules.entry" }
func (exitRules) StepType() automation.StepType  { return "rules.exit" }

// ruleTypes describes the rules of entry and of exit as if they were configs.
func ruleTypes() *automation.Registry {
	reg := automation.NewRegistry()
	automation.Handle(reg, func(context.Context, automation.Call, entryRules) (automation.Result, error) {
		return automation.Result{}, nil
	}, automation.StepOptions{})
	automation.Handle(reg, func(context.Context, automation.Call, exitRules) (automation.Result, error) {
		return automation.Result{}, nil
	}, automation.StepOptions{})
	return reg
}
