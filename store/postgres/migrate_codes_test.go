package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// uncoded inserts runs that failed before migration 11: one that ended, one with a request to
// retry, and one that failed before errors had codes of this form.
const uncoded = `
INSERT INTO automation.automations (id, name, status, event_name, version, revision) VALUES ('welcome', 'Welcome', 'enabled', 'e', 1, 1);
INSERT INTO automation.versions (automation_no, version, definition) VALUES (1, 1, '{}');
INSERT INTO automation.ended_runs (id, automation_no, version, owner, event_name, status, setbacks, step, created_at, completed_at, error) VALUES
	('0195a3c0-7d00-7000-8000-000000000011', 1, 1, '=ada', 'e', 2, 0, 'send', '2026-03-01 12:00:01Z', '2026-03-01 12:00:08Z', '{"code":"timed_out","message":"\u0000"}'),
	('0195a3c0-7d00-7000-8000-000000000012', 1, 1, '=ada', 'e', 2, 0, 'send', '2026-03-01 12:00:02Z', '2026-03-01 12:00:09Z', 'not JSON'),
	('0195a3c0-7d00-7000-8000-000000000013', 1, 1, '=ada', 'e', 1, 0, 'send', '2026-03-01 12:00:03Z', '2026-03-01 12:00:09Z', NULL);
INSERT INTO automation.active_runs (id, automation_no, version, owner, event_name, status, control, setbacks, step, due_at, created_at, completed_at, error) VALUES
	('0195a3c0-7d00-7000-8000-000000000014', 1, 1, '=bob', 'e', 2, 2, 0, 'send', '2026-03-01 12:00:00Z', '2026-03-01 12:00:04Z', '2026-03-01 12:00:07Z', '{"code":"timed_out","message":"m"}');
INSERT INTO automation.run_counts VALUES (1, 1, 1, 'send', 0, 1), (1, 1, 2, 'send', 0, 3);`

func TestMigrate_RunsThatFailedEarlierAreFoundByTheirCode(t *testing.T) {
	t.Parallel()
	s, _ := migratedFrom(t, 10, uncoded)
	for _, q := range []automation.RunQuery{{}, {CompletedFrom: noon}} {
		q.ErrorCode, q.Limit = automation.FailedTimeout, 10
		page, err := s.ListRuns(t.Context(), q)
		require.NoError(t, err)
		var ids []string
		for _, r := range page.Data {
			ids = append(ids, r.ID)
		}
		assert.ElementsMatch(t, []string{"0195a3c0-7d00-7000-8000-000000000011", "0195a3c0-7d00-7000-8000-000000000014"}, ids)
	}
}
