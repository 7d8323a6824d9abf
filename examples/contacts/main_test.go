package main

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

func TestRun_ChangesTheApplicationsTable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(context.Background(), filepath.Join(t.TempDir(), "app.db"), &out))
	for _, line := range []string{
		`"thanks" to ada@example.com`,
		`"thanks" to grace@example.com`,
		`"thanks" to linus@example.com`,
		"1    ada@example.com      pro    customers",
		"2    linus@example.com    pro    customers",
		"3    grace@example.com    pro    customers",
	} {
		assert.Contains(t, out.String(), line)
	}
}

func table(t *testing.T) *users {
	t.Helper()
	store, err := sqlitefile.Open(t.Context(), filepath.Join(t.TempDir(), "app.db"))
	require.NoError(t, err)
	t.Cleanup(func() { store.Close() })
	u := &users{store.DB()}
	require.NoError(t, u.create(t.Context()))
	return u
}

func TestUsers_AreContacts(t *testing.T) {
	t.Parallel()
	u, ctx := table(t), t.Context()
	ada, err := u.FindContact(ctx, automation.ContactRef{Email: "ADA@example.com"})
	require.NoError(t, err)
	assert.Equal(t, automation.Contact{ID: "1", Email: "ada@example.com", FirstName: "Ada"}, ada)

	again, err := u.CreateContact(ctx, "Ada@Example.com")
	require.NoError(t, err)
	assert.Equal(t, "1", again.ID, "two calls make one contact")

	grace, err := u.CreateContact(ctx, "grace@example.com")
	require.NoError(t, err)
	yes := true
	change := automation.ContactChange{Unsubscribed: &yes, Properties: map[string]any{"plan": "pro"}, AddSegments: []string{"vip"}}
	for range 2 {
		grace, err = u.UpdateContact(ctx, grace.ID, change)
		require.NoError(t, err)
	}
	found, err := u.FindContact(ctx, automation.ContactRef{ID: grace.ID})
	require.NoError(t, err)
	assert.Equal(t, grace, found)
	assert.Equal(t, []string{"vip"}, found.Segments)

	email := "ADA@example.com"
	_, err = u.UpdateContact(ctx, grace.ID, automation.ContactChange{Email: &email})
	require.ErrorIs(t, err, automation.ErrConflict)

	require.NoError(t, u.DeleteContact(ctx, grace.ID))
	require.NoError(t, u.DeleteContact(ctx, grace.ID))
	_, err = u.FindContact(ctx, automation.ContactRef{ID: grace.ID})
	require.ErrorIs(t, err, automation.ErrNotFound)
	_, err = u.UpdateContact(ctx, grace.ID, change)
	require.ErrorIs(t, err, automation.ErrNotFound)
}

func TestUsers_RefuseAPropertyWithoutAColumn(t *testing.T) {
	t.Parallel()
	u := table(t)
	for _, properties := range []map[string]any{{"seats": "5"}, {"plan": json.Number("5")}} {
		_, err := u.UpdateContact(t.Context(), "1", automation.ContactChange{Properties: properties})
		require.ErrorIs(t, err, automation.ErrPermanent)
	}
}
