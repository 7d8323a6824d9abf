package scenario_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// The config of a step type in four versions of an application.
type (
	chatV1      struct{ Channel, Text string }
	chatRenamed struct {
		Room string `json:"room,omitempty"`
		Text string
	}
	chatStrict  chatV1 // refuses channels without a number sign
	chatPanics  chatV1
	chatSettled struct { // reads the old name and the new one
		Room, Channel string
		Text          string
	}
)

func (chatV1) StepType() automation.StepType      { return "acme.chat" }
func (chatRenamed) StepType() automation.StepType { return "acme.chat" }
func (chatStrict) StepType() automation.StepType  { return "acme.chat" }
func (chatPanics) StepType() automation.StepType  { return "acme.chat" }
func (chatSettled) StepType() automation.StepType { return "acme.chat" }

func (c chatStrict) Validate() error {
	if !strings.HasPrefix(c.Channel, "#") {
		return errors.New("channel must begin with #")
	}
	return nil
}

func (chatPanics) Validate() error { panic("a bug in Validate") }

// chatNode returns a node whose step type acme.chat has the config C. It sends the
// executed configs to done.
func chatNode[C automation.StepConfig](w *world.World, done *[]automation.StepConfig, log *world.Log) *automation.Runner {
	reg := automation.NewRegistry()
	automation.Handle(reg, func(_ context.Context, _ automation.Call, c C) (automation.Result, error) {
		*done = append(*done, c)
		return automation.Result{}, nil
	}, automation.StepOptions{})
	opts := w.Opts
	opts.Registry = reg
	opts.Logger = log.Logger()
	return w.Node(opts)
}

func chatFlow(config automation.StepConfig) automation.Automation {
	return world.Flow("chat", "signup", world.Pause("rest", "1 hour"), automation.Step{Key: "chat", Config: config})
}

func drain(t *testing.T, w *world.World, node *automation.Runner) {
	t.Helper()
	_, err := node.Drain(w.Ctx)
	require.NoError(t, err)
}

func TestRename_RunInFlightNeverGetsAConfigThatDoesNotFit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		newer func(*world.World, *[]automation.StepConfig, *world.Log) *automation.Runner
		why   []string
	}{
		"a field has another name":     {chatNode[chatRenamed], []string{`step "chat"`, `"acme.chat"`, `no field "Channel"`}},
		"Validate refuses the config":  {chatNode[chatStrict], []string{`step "chat"`, `"acme.chat"`, "channel must begin with #"}},
		"Validate panics":              {chatNode[chatPanics], []string{"a bug in Validate"}},
		"the config is a new Go type":  {chatNode[pagerChat], []string{`step "chat"`, `"acme.chat"`, `no field "Channel"`}},
		"a field has another type now": {chatNode[chatTyped], []string{`step "chat"`, `"acme.chat"`, "Text: must be a number"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, log := world.New(t, automation.Options{}), &world.Log{}
			var done []automation.StepConfig
			older, newer := chatNode[chatV1](w, &done, log), c.newer(w, &done, log)
			_, err := older.CreateAutomation(w.Ctx, chatFlow(chatV1{"general", "hello"}))
			require.NoError(t, err)
			w.Send(world.Signup("ada@example.com"))
			drain(t, w, older)

			w.Clock.Add(time.Hour)
			for range 20 { // a run that is damaged fails after ten tries
				drain(t, w, newer)
				w.Clock.Add(5 * time.Minute)
			}
			assert.Empty(t, done, "the step was executed with a config that nobody wrote")
			run, err := newer.GetRun(w.Ctx, w.Run().ID)
			require.NoError(t, err)
			require.Equal(t, automation.RunRunning, run.Status)
			require.NotNil(t, run.Error)
			for _, part := range append(c.why, "another version") {
				assert.Contains(t, run.Error.Message, part)
			}
			assert.NotEmpty(t, log.Records(runSetAside))
			assert.Empty(t, log.Records(runFailed))

			drain(t, w, older)
			assert.Equal(t, []automation.StepConfig{chatV1{"general", "hello"}}, done)
			assert.Equal(t, automation.RunCompleted, w.Run().Status)
		})
	}
}

// pagerChat and chatTyped are further configs of acme.chat.
type (
	pagerChat struct {
		Team string `json:"team,omitempty"`
	}
	chatTyped struct {
		Channel string
		Text    int
	}
)

func (pagerChat) StepType() automation.StepType { return "acme.chat" }
func (chatTyped) StepType() automation.StepType { return "acme.chat" }

func TestRename_NewVersionRunsWhileTheOldOneWaits(t *testing.T) {
	t.Parallel()
	w, log := world.New(t, automation.Options{}), &world.Log{}
	var done []automation.StepConfig
	older, newer := chatNode[chatV1](w, &done, log), chatNode[chatRenamed](w, &done, log)
	_, err := older.Apply(w.Ctx, chatFlow(chatV1{"general", "hello"}))
	require.NoError(t, err)
	w.Send(world.Signup("ada@example.com"))
	drain(t, w, older)

	applied, err := newer.Apply(w.Ctx, chatFlow(chatRenamed{"general", "hello"}))
	require.NoError(t, err)
	assert.Equal(t, 2, applied.Automation.Version)
	w.Send(world.Signup("grace@example.com"))
	drain(t, w, newer)
	w.Clock.Add(time.Hour)
	drain(t, w, newer)
	assert.Equal(t, []automation.StepConfig{chatRenamed{"general", "hello"}}, done)

	w.Clock.Add(time.Hour)
	settled := chatNode[chatSettled](w, &done, log) // the way out
	drain(t, w, settled)
	require.Len(t, done, 2)
	assert.Equal(t, chatSettled{Channel: "general", Text: "hello"}, done[1])
}

// lossy is a config that cannot be read as it is written.
type lossy struct{ Channel string }

func (lossy) StepType() automation.StepType { return "acme.lossy" }

func (l lossy) MarshalJSON() ([]byte, error) { return []byte(`{"chan":"` + l.Channel + `"}`), nil }

func TestCustomStep_ConfigThatCannotBeReadBackIsRefused(t *testing.T) {
	t.Parallel()
	reg := automation.NewRegistry()
	automation.Handle(reg, func(context.Context, automation.Call, lossy) (automation.Result, error) {
		return automation.Result{}, nil
	}, automation.StepOptions{})
	w := world.New(t, automation.Options{Registry: reg})
	_, err := w.CreateAutomation(w.Ctx, world.Flow("a", "signup", automation.Step{Key: "chat", Config: lossy{"general"}}))
	ps := world.Problems(t, err)
	require.Len(t, ps, 1)
	assert.Equal(t, "steps[1].config.chan", ps[0].Path)
	assert.Contains(t, ps[0].Message, "MarshalJSON")
}
