package automation_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
)

func TestStepRun_Branch(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		step automation.StepRun
		want automation.ConnectionType
	}{
		"condition": {
			automation.StepRun{Type: automation.TypeCondition, Output: json.RawMessage(`{"branch":"condition_met","rules":[]}`)},
			automation.ConnectionConditionMet,
		},
		"wait that received": {
			automation.StepRun{Type: automation.TypeWaitForEvent, Output: json.RawMessage(`{"event_id":"1","event_name":"paid","payload":null}`)},
			automation.ConnectionEventReceived,
		},
		"wait that timed out": {
			automation.StepRun{Type: automation.TypeWaitForEvent, Output: json.RawMessage(`{"timed_out_at":"2026-01-05T09:00:00Z"}`)},
			automation.ConnectionTimeout,
		},
		"wait in progress": {automation.StepRun{Type: automation.TypeWaitForEvent}, ""},
		"custom step whose output looks like a condition's": {
			automation.StepRun{Type: "acme.slack", Output: json.RawMessage(`{"branch":"condition_met"}`)}, "",
		},
		"unreadable output": {automation.StepRun{Type: automation.TypeCondition, Output: json.RawMessage(`{`)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, tt.step.Branch())
		})
	}
}
