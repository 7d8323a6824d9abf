package automation

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAutomation_EncodesInTheOrderOfResendsAPI(t *testing.T) {
	t.Parallel()
	a := Automation{
		ID: "id", Name: "A & B <c>", Status: StatusEnabled,
		Steps: []Step{
			{Key: "start", Config: Trigger{EventName: "user.created"}},
			{Key: "end", Config: ContactDelete{}},
		},
		Connections: []Connection{{From: "start", To: "end", Type: ConnectionDefault}},
		Version:     2, Revision: 3,
		CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC),
	}
	got, err := a.MarshalJSON()
	require.NoError(t, err)
	assert.Equal(t, `{"id":"id","name":"A & B <c>","status":"enabled",`+
		`"steps":[{"key":"start","type":"trigger","config":{"event_name":"user.created"}},`+
		`{"key":"end","type":"contact_delete","config":{}}],`+
		`"connections":[{"from":"start","to":"end","type":"default"}],`+
		`"version":2,"revision":3,"created_at":"2026-01-02T03:04:05.678901Z"}`, string(got))
}

func TestAutomation_EncodesNilListsAsEmpty(t *testing.T) {
	t.Parallel()
	a := Automation{Name: "n"}
	got, err := json.Marshal(a)
	require.NoError(t, err)
	assert.Equal(t, `{"name":"n","status":"enabled","steps":[],"connections":[]}`, string(got))
	assert.Nil(t, a.Steps, "encoding changes nothing")

	var back Automation
	require.NoError(t, json.Unmarshal(got, &back))
	a.Status = StatusEnabled
	assert.Equal(t, a, back)
}

func TestAutomation_EncodingErrorNamesTheStep(t *testing.T) {
	t.Parallel()
	_, err := json.Marshal(Automation{Steps: []Step{{Key: "lost"}}})
	assert.ErrorContains(t, err, `step "lost" has no config`)
}
