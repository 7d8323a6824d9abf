package sqlite_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

func TestClaim_ADamagedContactFailsAlone(t *testing.T) {
	t.Parallel()
	s, db := fresh(t)
	ids := contacts(t, s, 3)
	for i, id := range ids {
		_, err := s.AppendEvents(t.Context(), []automation.NewEvent{event(i, id)})
		require.NoError(t, err)
	}
	_, err := db.Exec(`UPDATE automation_contacts SET properties = '{' WHERE email = 'c1@example.com'`)
	require.NoError(t, err)
	assert.Equal(t, 2, claimed(t, s))
	p := everything()
	p.Now = now.Add(time.Hour)
	p.Contact = automation.ContactRef{ID: ids[1]}
	_, err = s.Claim(t.Context(), p)
	require.ErrorContains(t, err, ids[1])
	_, err = db.Exec(`UPDATE automation_contacts SET properties = ''`)
	require.NoError(t, err)
	p.Now = now.Add(2 * time.Hour)
	works, err := s.Claim(t.Context(), p)
	require.NoError(t, err)
	assert.Len(t, works, 1)
}
