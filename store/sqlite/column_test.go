package sqlite_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

func TestRead_AColumnOfAnotherFormIsAnError(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]string{
		"key of three bytes": `UPDATE automation_pending SET owner = x'010203'`,
		"key of a number":    `UPDATE automation_pending SET owner = 17`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, db := fresh(t)
			id := contacts(t, s, 1)[0]
			_, err := s.AppendEvents(t.Context(), []automation.NewEvent{event(1, id)})
			require.NoError(t, err)
			_, err = db.Exec(damage)
			require.NoError(t, err)
			_, err = s.FindEvent(t.Context(), event(1, id).Event.ID)
			require.ErrorContains(t, err, "a key of")
			_, err = s.Claim(t.Context(), everything())
			require.ErrorContains(t, err, "a key of")
		})
	}
}
