package automation

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// templateShelf is a TemplateInspector that counts its calls for each template.
type templateShelf struct {
	known map[string]TemplateInfo
	names []string // if it knows them
	err   error
	asked map[string]int
}

func (in *templateShelf) InspectTemplate(_ context.Context, id string) (TemplateInfo, error) {
	in.asked[id]++
	info, ok := in.known[id]
	switch {
	case in.err != nil:
		return TemplateInfo{}, in.err
	case !ok && in.names != nil:
		return TemplateInfo{}, fmt.Errorf("shelf: %w", &UnknownTemplateError{ID: id, Known: in.names})
	case !ok:
		return TemplateInfo{}, fmt.Errorf("template %q: %w", id, ErrNotFound)
	default:
		return info, nil
	}
}

func mails(configs ...SendEmail) Automation {
	a := Automation{Name: "Test", Steps: []Step{start}}
	for i, config := range configs {
		a.Steps = append(a.Steps, step(fmt.Sprintf("mail_%d", i+1), config))
	}
	return a
}

func TestTemplateProblems(t *testing.T) {
	t.Parallel()
	known := map[string]TemplateInfo{
		"good":  {Published: true, Variables: []string{"plan", "name"}},
		"draft": {Variables: []string{"plan"}},
		"plain": {Published: true},
		"needy": {Published: true, Variables: []string{"PLAN", "PRICE", "TEAM"}, Required: []string{"PRICE", "PLAN"}, RequiredByHeader: []string{"TEAM"}},
	}
	const needs = `warning missing_template_variable steps[1].config.template.variables.`
	tests := []struct {
		name string
		a    Automation
		want []string
	}{
		{"no emails", mails(), nil},
		{"email without template is Validate's concern", mails(SendEmail{}), nil},
		{"known variables", mails(email("good", map[string]Value{"plan": Null()})), nil},
		{"unknown template", mails(email("gone", map[string]Value{"plan": Null()})), []string{
			`warning unknown_template steps[1].config.template.id: there is no template "gone": create it`,
		}},
		{"unpublished template", mails(email("draft", map[string]Value{"x": Null()})), []string{
			`warning unpublished_template steps[1].config.template.id: template "draft" is not published`,
			`warning unknown_template_variable steps[1].config.template.variables.x: template "draft" has no variable "x": it takes plan`,
		}},
		{"required variables", mails(email("needy", map[string]Value{"PLAN": Var("event.plan"), "PRICE": Number(0), "TEAM": String("")})), nil},
		{"missing variables", mails(email("needy", map[string]Value{"PRICE": Null()})), []string{
			needs + `PLAN: template "needy" needs the variable "PLAN", which has no value and no fallback: give it a value, or the email will fail`,
			needs + "PRICE", needs + "TEAM",
		}},
		{"misspelt variable", mails(email("needy", map[string]Value{"PLNA": Null(), "PRICE": Number(1), "TEAM": String("a")})), []string{
			`warning unknown_template_variable steps[1].config.template.variables.PLNA: template "needy" has no variable "PLNA": did you mean "PLAN"?`,
			needs + "PLAN",
		}},
		{"a header that needs a variable is overridden", mails(SendEmail{Subject: "Hi", Template: TemplateRef{ID: "needy", Variables: map[string]Value{"PLAN": Null()}}}), []string{
			needs + "PLAN", needs + "PRICE",
		}},
		{"a variable of the step's own subject", mails(SendEmail{Subject: "Your {{{TEAM}}}", Template: TemplateRef{ID: "plain", Variables: map[string]Value{"TEAM": Null(), "PLAN": Null()}}}), []string{
			`warning unknown_template_variable steps[1].config.template.variables.PLAN`,
		}},
		{"unknown variables", mails(email("good", map[string]Value{"z": Null(), "a.b": Null()}), email("plain", map[string]Value{"c": Null()})), []string{
			`warning unknown_template_variable steps[1].config.template.variables["a.b"]: template "good" has no variable "a.b": it takes name, plan`,
			`warning unknown_template_variable steps[1].config.template.variables.z`,
			`warning unknown_template_variable steps[2].config.template.variables.c: template "plain" has no variable "c": it takes none`,
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			problems, err := templateProblems(t.Context(), test.a, &templateShelf{known: known, asked: map[string]int{}})
			require.NoError(t, err)
			assertProblems(t, test.want, problems)
		})
	}
}

func TestTemplateProblems_SuggestTheTemplateThatIsMeant(t *testing.T) {
	t.Parallel()
	in := &templateShelf{names: []string{"welcome-back", "hello", "helloo"}, asked: map[string]int{}}
	problems, err := templateProblems(t.Context(), mails(email("helo", nil), email("Welcome_Back", nil), email("receipt", nil)), in)
	require.NoError(t, err)
	assertProblems(t, []string{
		`warning unknown_template steps[1].config.template.id: there is no template "helo": did you mean "hello"?`,
		`warning unknown_template steps[2].config.template.id: there is no template "Welcome_Back": did you mean "welcome-back"?`,
		`warning unknown_template steps[3].config.template.id: there is no template "receipt": create it, or the email will fail`,
	}, problems)
}

func TestUnknownTemplateError_NamesTheTemplateThatIsMeant(t *testing.T) {
	t.Parallel()
	err := error(&UnknownTemplateError{ID: "helo", Known: []string{"hello"}})
	require.ErrorIs(t, err, ErrNotFound)
	assert.EqualError(t, err, `template "helo": not found: did you mean "hello"?`)
	assert.EqualError(t, &UnknownTemplateError{ID: "x"}, `template "x": not found`)
}

func TestTemplateProblems_InspectsEachTemplateOnce(t *testing.T) {
	t.Parallel()
	in := &templateShelf{known: map[string]TemplateInfo{"a": {Published: true}}, asked: map[string]int{}}
	problems, err := templateProblems(t.Context(), mails(email("a", nil), email("b", nil), email("a", nil), email("b", nil)), in)
	require.NoError(t, err)
	assert.Equal(t, map[string]int{"a": 1, "b": 1}, in.asked)
	require.Len(t, problems, 2, "every step that uses a missing template is named")
	assert.Equal(t, "mail_2", problems[0].Step)
	assert.Equal(t, "mail_4", problems[1].Step)
}

func TestTemplateProblems_ReturnsOtherErrors(t *testing.T) {
	t.Parallel()
	down := errors.New("the provider is down")
	_, err := templateProblems(t.Context(), mails(email("a", nil)), &templateShelf{err: down, asked: map[string]int{}})
	require.ErrorIs(t, err, down)
	assert.EqualError(t, err, `automation: inspect template "a": the provider is down`)
}
