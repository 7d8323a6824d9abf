package scenario_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// library is a mailer with a look into its templates: the template good and no others.
type library struct {
	*capture.Mailer
	inspect func() // called by each inspection, if set
}

func (l library) InspectTemplate(_ context.Context, id string) (automation.TemplateInfo, error) {
	if l.inspect != nil {
		l.inspect()
	}
	switch id {
	case "good":
		return automation.TemplateInfo{Published: true}, nil
	case "outage":
		return automation.TemplateInfo{}, errors.New("the template service is down")
	default:
		return automation.TemplateInfo{}, automation.ErrNotFound
	}
}

// warned returns a Runner with a library, and its log.
func warned(t *testing.T, l library) (*automation.Runner, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	l.Mailer = capture.New()
	r, err := automation.New(memory.New(), l, automation.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	return r, &log
}

const logsUnknown = `level=WARN msg="automation: an automation needs attention" automation=welcome step=hello code=unknown_template`

func TestWarnings_OfTemplatesAreReturnedAndLogged(t *testing.T) {
	t.Parallel()
	flow := world.Flow("welcome", "signup", world.Email("hello"))
	enabled, disabled := automation.StatusEnabled, automation.StatusDisabled
	type call func(ctx context.Context, r *automation.Runner) (automation.Automation, error)
	update := func(u automation.AutomationUpdate) call {
		return func(ctx context.Context, r *automation.Runner) (automation.Automation, error) {
			return r.UpdateAutomation(ctx, "welcome", u)
		}
	}
	apply := func(ctx context.Context, r *automation.Runner) (automation.Automation, error) {
		result, err := r.Apply(ctx, flow)
		return result.Automation, err
	}
	create := func(ctx context.Context, r *automation.Runner) (automation.Automation, error) {
		return r.CreateAutomation(ctx, flow)
	}
	for label, tt := range map[string]struct {
		before, call call
		warnings     int
	}{
		"a new automation is applied":       {nil, apply, 1},
		"the same is applied again":         {create, apply, 1},
		"an automation is created":          {nil, create, 1},
		"an update has another graph":       {create, update(automation.AutomationUpdate{Steps: flow.Steps, Connections: flow.Connections}), 1},
		"an update enables":                 {create, update(automation.AutomationUpdate{Status: &enabled}), 1},
		"a stop does not wait for a mailer": {create, update(automation.AutomationUpdate{Status: &disabled}), 0},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			r, log := warned(t, library{})
			if tt.before != nil {
				_, err := tt.before(t.Context(), r)
				require.NoError(t, err)
				log.Reset()
			}
			a, err := tt.call(t.Context(), r)
			require.NoError(t, err)
			assert.Len(t, a.Warnings, tt.warnings)
			assert.Equal(t, tt.warnings, strings.Count(log.String(), logsUnknown), log.String())
		})
	}
}

func TestWarnings_NothingIsWrongWithTheTemplates(t *testing.T) {
	t.Parallel()
	r, log := warned(t, library{})
	result, err := r.Apply(t.Context(), world.Flow("welcome", "signup", world.Email("good")))
	require.NoError(t, err)
	assert.Empty(t, result.Automation.Warnings)
	assert.NotContains(t, log.String(), "WARN")
}

// An application starts although its mailer cannot inspect templates, or panics.
func TestWarnings_InspectionThatFailsIsLogged(t *testing.T) {
	t.Parallel()
	for label, tt := range map[string]struct {
		inspect func()
		logged  string
	}{
		"error": {nil, "the template service is down"},
		"panic": {func() { panic("oops") }, "panic: oops"},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			r, log := warned(t, library{inspect: tt.inspect})
			_, err := r.Apply(t.Context(), world.Flow("welcome", "signup", world.Email("outage")))
			require.NoError(t, err)
			assert.Contains(t, log.String(), `level=WARN msg="automation: cannot inspect templates" automation=welcome`)
			assert.Contains(t, log.String(), tt.logged)
			a, err := r.GetAutomation(t.Context(), "welcome")
			require.NoError(t, err)
			assert.Equal(t, automation.StatusEnabled, a.Status)
		})
	}
}

// The definitions of events show mistakes in paths before a run fails.
func TestWarnings_OfFieldsAreReturnedAndLogged(t *testing.T) {
	t.Parallel()
	r, log := warned(t, library{})
	_, err := r.CreateEventDefinition(t.Context(), automation.EventDefinition{Name: "signup", Schema: []byte(`{"plan": "string"}`)})
	require.NoError(t, err)
	flow := world.Flow("welcome", "signup", automation.Step{Key: "hello", Config: automation.SendEmail{Template: automation.TemplateRef{
		ID: "gone", Variables: map[string]automation.Value{"A": automation.Var("event.plna"), "B": automation.String("{{event.plan}}")},
	}}}, automation.Step{Key: "is_pro", Config: automation.Condition{Rule: automation.Field("event.plan").Gt(5)}})
	result, err := r.Apply(t.Context(), flow)
	require.NoError(t, err)
	var codes []automation.Code
	for _, p := range result.Automation.Warnings {
		codes = append(codes, p.Code)
		assert.Contains(t, log.String(), "step="+p.Step+" code="+string(p.Code))
	}
	want := []automation.Code{
		automation.CodeUnknownEventField, automation.CodeReferenceInText, automation.CodeEventFieldType, automation.CodeUnknownTemplate,
	}
	assert.Equal(t, want, codes)
	assert.Contains(t, log.String(), `did you mean \"event.plan\"?`)

	problems, err := r.ValidateAutomation(t.Context(), flow)
	require.NoError(t, err)
	assert.Subset(t, problems, result.Automation.Warnings)
}

// Warnings are about data and templates. A log at every start is no place for the others.
func TestWarnings_OfTheGraphAreForValidateOnly(t *testing.T) {
	t.Parallel()
	r, log := warned(t, library{})
	flow := world.Flow("welcome", "signup", automation.Step{Key: "wait", Config: automation.WaitForEvent{EventName: "setup"}})
	result, err := r.Apply(t.Context(), flow)
	require.NoError(t, err)
	assert.Empty(t, result.Automation.Warnings)
	assert.NotContains(t, log.String(), "WARN")
	problems, err := r.ValidateAutomation(t.Context(), flow)
	require.NoError(t, err)
	assert.Len(t, problems, 1)
}

// An application starts although a store cannot read definitions for a moment.
func TestWarnings_DefinitionsThatCannotBeReadAreLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	w := world.New(t, automation.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	w.Store.BeforeFindEventDefinition = func(context.Context) error { return world.ErrOutage }
	flow := world.Flow("welcome", "signup", automation.Step{Key: "hello", Config: automation.ContactUpdate{FirstName: automation.String("{{event.name}}")}})
	result, err := w.Apply(t.Context(), flow)
	require.NoError(t, err)
	assert.Len(t, result.Automation.Warnings, 1, "what is known without definitions")
	assert.Contains(t, log.String(), `level=WARN msg="automation: cannot read event definitions" automation=welcome`)

	problems, err := w.ValidateAutomation(t.Context(), flow)
	require.ErrorIs(t, err, world.ErrOutage)
	assert.Equal(t, []string{"steps[1].config.first_name"}, world.Paths(problems))
}

// A name that no database accepts is a problem of the automation, and not of the store.
func TestValidateAutomation_AsksForNoInvalidEvents(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Store.BeforeFindEventDefinition = func(context.Context) error { return world.ErrOutage }
	for _, name := range []string{"", "a\xff", "a\x00", strings.Repeat("x", 256), "resend:sent"} {
		problems, err := w.ValidateAutomation(t.Context(), world.Flow("welcome", name))
		require.NoError(t, err)
		assert.Equal(t, []string{"steps[0].config.event_name"}, world.Paths(problems))
	}
}
