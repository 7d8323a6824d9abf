package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// A definition whose id is the name of another event is none of that event. An event is accepted
// as it is when the definition of its own name has the schema that the sender knows.
func TestAppendEvents_LooksUpDefinitionsByName(t *testing.T) {
	t.Parallel()
	s, _ := migrated(t)
	ctx := t.Context()
	for _, d := range []automation.EventDefinition{
		{ID: "order.placed", Name: "other", Schema: []byte(`{"type":"object"}`), CreatedAt: noon},
		{ID: "same", Name: "same", Schema: []byte(`{"type":"object"}`), CreatedAt: noon},
	} {
		require.NoError(t, s.InsertEventDefinition(ctx, d))
	}
	send := func(n int, name, schema string) error {
		e := hosted(n, "ada", name)
		e.Schema = schema
		_, err := s.AppendEvents(ctx, []automation.NewEvent{e})
		return err
	}
	assert.NoError(t, send(1, "order.placed", ""))
	assert.NoError(t, send(2, "same", `{"type":"object"}`))
	assert.ErrorIs(t, send(3, "same", ""), automation.ErrDefinitionChanged)
	assert.ErrorIs(t, send(4, "unknown", `{"type":"object"}`), automation.ErrDefinitionChanged)
	works, err := s.Claim(ctx, automation.ClaimParams{Now: noon.Add(time.Hour), Lease: time.Minute, Limit: 10, Events: 10, Runs: 10})
	require.NoError(t, err)
	require.Len(t, works, 1)
	assert.Len(t, works[0].Events, 2)
}
