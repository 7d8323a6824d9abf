package temporal_test

import (
	"crypto/rand"
	"encoding/base64"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// TestWorkflow_SetsAContactAsideWhoseRunsDoNotFit sends more events, with payloads that stay in the
// state, than one workflow can hold. Nothing is lost, and cancellations make room, although they come
// after all events.
func TestWorkflow_SetsAContactAsideWhoseRunsDoNotFit(t *testing.T) {
	w := newWorld(t, flow(rest(10*time.Minute)))
	w.env.SetTestTimeout(2 * time.Minute)
	const n, cancelled = 320, 60
	text := make([]byte, 2800)
	for i := range n / 10 {
		w.at(time.Duration(i)*time.Millisecond, func() {
			events := make([]automation.Event, 10)
			for i := range events {
				_, err := rand.Read(text)
				require.NoError(t, err)
				payload := automation.Payload(map[string]any{"text": base64.StdEncoding.EncodeToString(text)})
				events[i] = automation.Event{Name: "signup", ContactID: w.contact.ID, Payload: payload}
			}
			_, err := w.Send(t.Context(), events...)
			require.NoError(t, err)
		})
	}
	running := automation.RunQuery{Statuses: []automation.RunStatus{automation.RunRunning}, PageQuery: automation.PageQuery{Limit: cancelled}}
	fitted := 0
	w.at(time.Minute, func() {
		fitted = w.counts()[automation.RunRunning]
		assert.Greater(t, fitted, cancelled)
		assert.Less(t, fitted, n-cancelled)
		assert.Contains(t, w.log.String(), "cancel runs of this contact")
		assert.Contains(t, w.log.String(), w.contact.ID)
		page, err := w.ListRuns(t.Context(), running)
		require.NoError(t, err)
		for _, run := range page.Data {
			_, err := w.CancelRun(t.Context(), run.ID)
			require.NoError(t, err)
		}
	})
	w.at(3*time.Minute, func() {
		assert.Equal(t, cancelled, w.counts()[automation.RunCancelled])
		assert.Greater(t, w.counts()[automation.RunRunning], fitted-cancelled, "others have started in their place")
	})
	w.runAll()
	assert.Equal(t, map[automation.RunStatus]int{automation.RunCancelled: cancelled, automation.RunCompleted: n - cancelled}, w.counts())
}
