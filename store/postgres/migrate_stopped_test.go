package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unmarked inserts automations as they were before migration 5.
const unmarked = `
INSERT INTO automation.automations (id, name, status, event_name, version, revision, updated_at) VALUES
	('off', 'Off', 'disabled', 'user.created', 1, 1, '2026-03-01 12:00:00Z'), ('on', 'On', 'enabled', 'user.created', 1, 1, '2026-03-01 12:00:00Z');
INSERT INTO automation.versions SELECT no, 1, '{}' FROM automation.automations;`

func TestMigrate_WhatIsDisabledStaysSo(t *testing.T) {
	t.Parallel()
	s, _ := migratedFrom(t, 4, unmarked)
	for id, want := range map[string]time.Time{"off": noon, "on": {}} {
		a, err := s.FindAutomation(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, want, a.StoppedAt, id)
	}
}
