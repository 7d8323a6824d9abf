package record_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

func TestKeyUse_SecondEventIsADuplicateOrAConflict(t *testing.T) {
	t.Parallel()
	use := record.KeyUse{Hash: "hash", EventID: "first"}
	n := automation.NewEvent{Event: automation.Event{ID: "second", Name: "order.placed", IdempotencyKey: "key"}, ContentHash: "hash"}
	receipt, err := use.Receipt(&n)
	require.NoError(t, err)
	assert.Equal(t, automation.EventReceipt{ID: "first", Duplicate: true}, receipt)
	n.ContentHash = "other"
	_, err = use.Receipt(&n)
	require.ErrorIs(t, err, automation.ErrConflict)
}
