package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"testing"

	"github.com/resend/resend-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// createJourney creates the automation of testdata/journey.json, which has everything that
// Resend lacks, and returns its id. Resend's client cannot send all of it.
func (w *world) createJourney() string {
	w.t.Helper()
	document, err := os.ReadFile("testdata/journey.json")
	require.NoError(w.t, err)
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url+"/automations", bytes.NewReader(document))
	require.NoError(w.t, err)
	req.Header.Set("Authorization", "Bearer "+apiKey)
	res, err := http.DefaultClient.Do(req)
	require.NoError(w.t, err)
	defer res.Body.Close()
	var created struct{ ID string }
	require.NoError(w.t, json.NewDecoder(res.Body).Decode(&created))
	require.Equal(w.t, http.StatusCreated, res.StatusCode)
	w.later()
	return created.ID
}

// A client renames, starts and stops a flow with everything that Resend lacks, and saves it as
// it was read. The flow stays the same.
func TestJourney_IsRenamedStoppedAndSavedAgain(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.createJourney()
	before := w.kept(id)
	same := func() {
		t.Helper()
		after := w.kept(id)
		assert.Equal(t, before.Steps, after.Steps)
		assert.Equal(t, before.Connections, after.Connections)
		assert.Equal(t, before.Entry, after.Entry)
		assert.Equal(t, before.Exit, after.Exit)
	}
	_, err := w.Automations.Update(id, &resend.UpdateAutomationRequest{Name: "Carts", Status: resend.AutomationStatusEnabled})
	require.NoError(t, err)
	same()
	assert.Equal(t, "Carts", w.kept(id).Name)
	_, err = w.Automations.Stop(id)
	require.NoError(t, err)
	same()
	assert.Equal(t, automation.StatusDisabled, w.kept(id).Status)
	steps, connections := readGraph(t, w.Client, id)
	_, err = w.Automations.Update(id, &resend.UpdateAutomationRequest{Steps: steps, Connections: connections})
	require.NoError(t, err)
	same()

	// A change of one step leaves all others as they are.
	steps[1].Config["timeout"] = "5 hours"
	_, err = w.Automations.Update(id, &resend.UpdateAutomationRequest{Steps: steps, Connections: connections})
	require.NoError(t, err)
	changed := before.Steps[1].Config.(automation.WaitForAny)
	changed.Timeout = automation.MustParseDuration("5 hours")
	before.Steps = slices.Clone(before.Steps)
	before.Steps[1].Config = changed
	same()
}

// A client that drops the config of a step that it does not know is refused, and changes
// nothing.
func TestJourney_WithoutAConfigIsRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.createJourney()
	before := w.kept(id)
	steps, connections := readGraph(t, w.Client, id)
	refused := 0
	for i, step := range steps {
		if step.Type == resend.AutomationStepTypeTrigger || step.Type == resend.AutomationStepTypeSendEmail {
			continue
		}
		for _, config := range []map[string]any{nil, {}} {
			dropped := slices.Clone(steps)
			dropped[i].Config = config
			_, err := w.Automations.Update(id, &resend.UpdateAutomationRequest{Steps: dropped, Connections: connections})
			assert.Error(t, err, "%s with the config %v", step.Key, config)
			refused++
		}
	}
	assert.Equal(t, 16, refused)
	assert.Equal(t, before, w.kept(id))
}
