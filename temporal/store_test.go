package temporal_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/temporal"
)

func TestNew_RefusesACatalogOfOtherWorkflows(t *testing.T) {
	w := newWorld(t)
	_, err := temporal.New(t.Context(), w.signals, w.catalog, temporal.Options{})
	require.NoError(t, err, "a second process")
	_, err = temporal.New(t.Context(), w.signals, memory.New(), temporal.Options{})
	require.ErrorIs(t, err, temporal.ErrCatalog)
	_, err = temporal.New(t.Context(), w.signals, memory.New(), temporal.Options{Name: "other"})
	require.NoError(t, err)
}

func TestNew_RefusesInvalidOptions(t *testing.T) {
	w := newWorld(t)
	_, err := temporal.New(t.Context(), w.signals, memory.New(), temporal.Options{Name: "two words", Timeout: -1})
	var invalid *automation.ValidationError
	require.ErrorAs(t, err, &invalid)
	assert.Len(t, invalid.Problems, 2)
}

func TestStore_DoesNotWorkByItself(t *testing.T) {
	w := newWorld(t)
	_, err := w.Drain(t.Context())
	assert.ErrorIs(t, err, errors.ErrUnsupported)
	assert.ErrorIs(t, w.Run(t.Context()), errors.ErrUnsupported)
}

func TestPack_KeepsValuesOfAnySize(t *testing.T) {
	for _, size := range []int{0, 100, 1 << 20} {
		want := map[string]any{"text": string(make([]byte, size))}
		packed, err := temporal.Pack(want)
		require.NoError(t, err)
		var got map[string]any
		require.NoError(t, temporal.Unpack(packed, &got))
		assert.Equal(t, want, got)
	}
	var v any
	assert.ErrorIs(t, temporal.Unpack([]byte("?"), &v), automation.ErrNewerVersion)
	assert.Error(t, temporal.Unpack(nil, &v))
	assert.Error(t, temporal.Unpack([]byte("zzzz"), &v))
}

// TestSend_OfADuplicateSendsAnEventThatWasLost stands for a process that ends after it has taken the
// key, and before it has sent the event.
func TestSend_OfADuplicateSendsAnEventThatWasLost(t *testing.T) {
	w := newWorld(t, flow(email("hello"), rest(time.Hour)))
	e := automation.Event{Name: "signup", ContactID: w.contact.ID, IdempotencyKey: "key"}
	w.signals.lost.Store(true)
	first, err := w.Send(t.Context(), e)
	require.NoError(t, err)
	w.signals.lost.Store(false)
	for i := range 3 {
		w.at(time.Duration(i)*time.Second, func() {
			again, err := w.Send(t.Context(), e)
			require.NoError(t, err)
			assert.Equal(t, []automation.EventReceipt{{ID: first[0].ID, Duplicate: true}}, again)
		})
	}
	w.run()
	assert.Equal(t, []string{"hello"}, w.templates())
	assert.Equal(t, first[0].ID, w.only().EventID)
	e.Payload = automation.Payload(map[string]any{"other": true})
	_, err = w.Send(t.Context(), e)
	assert.ErrorIs(t, err, automation.ErrConflict)
}
