package automation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestStepRuns_AreInGraphOrder(t *testing.T) {
	t.Parallel()
	a := Automation{
		Name: "Order",
		Steps: []Step{
			{Key: "trigger", Config: Trigger{EventName: "user.created"}},
			{Key: "end", Config: hour},
			{Key: "yes", Config: hour},
			{Key: "no", Config: hour},
			{Key: "check", Config: Condition{Rule: Field("event.plan").Eq("pro")}},
			{Key: "pause", Config: hour},
		},
		Connections: []Connection{
			{From: "trigger", To: "pause"},
			{From: "pause", To: "check"},
			{From: "check", To: "yes", Type: ConnectionConditionMet},
			{From: "check", To: "no", Type: ConnectionConditionNotMet},
			{From: "yes", To: "end"},
			{From: "no", To: "end"},
		},
	}
	f := newFlow(t, a, CompileOptions{})
	f.data.Event = map[string]any{"plan": "pro"}
	assert.Equal(t, "trigger:pending pause:pending check:pending yes:pending no:pending end:pending", f.statuses())
	f.start()
	assert.Equal(t, "trigger:completed pause:waiting check:pending yes:pending no:pending end:pending", f.statuses())
	f.pass(time.Hour)
	assert.Equal(t, "trigger:completed pause:completed check:completed yes:waiting no:skipped end:pending", f.statuses())
	f.pass(time.Hour)
	assert.Equal(t, "trigger:completed pause:completed check:completed yes:completed no:skipped end:waiting", f.statuses())
	f.pass(time.Hour)
	f.requireEnd(RunCompleted, "")
	for _, s := range f.graph.StepRuns(f.state) {
		if s.Key == "no" {
			assert.Equal(t, StepRun{Key: "no", Type: TypeDelay, Status: StepSkipped}, s)
			continue
		}
		assert.False(t, s.CompletedAt.IsZero(), s.Key)
		assert.Equal(t, s.CreatedAt, s.StartedAt)
	}
}
