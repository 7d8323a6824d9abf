package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// The suite has small segments only, whose members are read in another way.
func TestListContacts_OfALargeSegmentByTheirEmails(t *testing.T) {
	t.Parallel()
	s, pool := migrated(t)
	execute(t, pool, `
INSERT INTO automation.contacts (id, email, email_key, first_name, last_name, unsubscribed, properties, segments)
SELECT 'c' || i, 'c' || i || '@example.com', 'c' || i || '@example.com', '', '', false, '', '' FROM generate_series(1, 6000) i`)
	execute(t, pool, `INSERT INTO automation.contact_segments SELECT 'large', no FROM automation.contacts WHERE id <> 'c4001'`)
	q := automation.ContactQuery{Segment: "large", EmailPrefix: "c400", PageQuery: automation.PageQuery{Limit: 4}}
	for _, c := range []struct {
		after, before string
		want          []string
	}{
		{"", "", []string{"c4000", "c4002", "c4003", "c4004"}},
		{"c4004", "", []string{"c4005", "c4006", "c4007", "c4008"}},
		{"c4008", "", []string{"c4009", "c400"}},
		{"", "c4003", []string{"c4000", "c4002"}},
	} {
		q.After, q.Before = c.after, c.before
		page, err := s.ListContacts(t.Context(), q)
		require.NoError(t, err)
		var ids []string
		for _, contact := range page.Data {
			ids = append(ids, contact.ID)
		}
		assert.Equal(t, c.want, ids)
	}
}
