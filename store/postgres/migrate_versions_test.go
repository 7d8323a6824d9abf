package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// TestMigrate_VersionsOfOlderProcessesHaveNoTimeAndNoAuthor has one version from before
// migration 9, and one that a process inserts afterwards which does not know the columns.
func TestMigrate_VersionsOfOlderProcessesHaveNoTimeAndNoAuthor(t *testing.T) {
	t.Parallel()
	s, pool := migratedFrom(t, 8, `
INSERT INTO automation.automations (id, name, status, event_name, version, revision) VALUES ('welcome', 'Welcome', 'enabled', 'e', 2, 2);
INSERT INTO automation.versions (automation_no, version, definition) SELECT no, 1, '{}' FROM automation.automations;`)
	_, err := pool.Exec(t.Context(), `
INSERT INTO automation.versions (automation_no, version, definition) SELECT no, 2, '{}' FROM automation.automations`)
	require.NoError(t, err)
	page, err := s.ListAutomationVersions(t.Context(), "welcome", automation.PageQuery{Limit: 10})
	require.NoError(t, err)
	assert.Equal(t, []automation.VersionRecord{
		{VersionRef: automation.VersionRef{AutomationID: "welcome", Version: 2}, Name: "Welcome", Current: true},
		{VersionRef: automation.VersionRef{AutomationID: "welcome", Version: 1}, Name: "Welcome"},
	}, page.Data)
}
