package jetstream

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

func TestPartition_KeepsWhatCannotBeDecodedAndGoesOn(t *testing.T) {
	w := testWorker(t)
	bad := nats.NewMsg(w.names.log(0))
	bad.Data = []byte("{")
	_, err := w.publishAll(t.Context(), []*nats.Msg{bad})
	require.NoError(t, err)
	state := nats.NewMsg(w.names.contact(0, tokenOf(automation.ContactRef{ID: "ada"})))
	state.Data = []byte("{")
	_, err = w.publishAll(t.Context(), []*nats.Msg{state})
	require.NoError(t, err)
	p := newPartition(w, 0)
	p.cp.Epoch = 0
	done := make(chan error, 1)
	require.NoError(t, w.catalog.InsertContact(t.Context(), automation.Contact{ID: "ada", Email: "ada@example.com", CreatedAt: now()}))
	require.NoError(t, w.catalog.InsertAutomation(t.Context(), automation.AutomationRecord{
		ID: "flow", Name: "Flow", Status: automation.StatusEnabled, EventName: "signup", Version: 1, Revision: 1, CreatedAt: now(),
		Definition: []byte(`{"steps":[{"key":"trigger","type":"trigger","config":{"event_name":"signup"}}],"connections":[]}`),
	}))
	go func() { done <- p.run(t.Context()) }()
	_, err = w.runner.Send(t.Context(), automation.Event{Name: "signup", ContactID: "ada"})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		page, err := w.runner.ListRuns(t.Context(), automation.RunQuery{})
		require.NoError(t, err)
		return len(page.Data) == 1 && page.Data[0].Status == automation.RunCompleted
	}, 20*time.Second, 5*time.Millisecond)
	stream, err := w.js.Stream(t.Context(), w.names.events())
	require.NoError(t, err)
	for _, subject := range []string{bad.Subject, state.Subject} {
		kept, err := stream.GetLastMsgForSubject(t.Context(), w.names.prefix+".damaged.0.*")
		require.NoError(t, err)
		assert.Equal(t, "{", string(kept.Data), subject)
	}
	info, err := stream.Info(t.Context())
	require.NoError(t, err)
	assert.GreaterOrEqual(t, info.State.Msgs, uint64(2))
}
