package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// If a contact is inserted after the sender of an event has looked for it, the sender
// writes the event under the email. The other events of the email may have been moved to
// the contact before that.
func TestClaim_BringsAStrayEventBeforeYoungerOnes(t *testing.T) {
	t.Parallel()
	s, _ := migrated(t)
	ctx, now := t.Context(), time.Now().UTC().Truncate(time.Microsecond)
	contacts := []automation.Contact{
		{ID: "0195a3c0-7d00-7000-8000-00000000000a", Email: "Ada@example.com", CreatedAt: now},
		{ID: "customer 7", Email: "bob@example.com", CreatedAt: now},
	}
	for i, c := range contacts {
		require.NoError(t, s.InsertContact(ctx, c))
		// HostContact leaves the email unresolved, as it is for such a sender.
		stray := order(2*i+1, "")
		stray.Event.ContactID, stray.Event.Email, stray.HostContact = "", c.Email, true
		stray.Event.AcceptedAt = now
		younger := order(2*i+2, "")
		younger.Event.ContactID, younger.Event.Email, younger.HostContact = c.ID, "", false
		younger.Event.AcceptedAt = now.Add(time.Millisecond)
		_, err := s.AppendEvents(ctx, []automation.NewEvent{stray})
		require.NoError(t, err)
		_, err = s.AppendEvents(ctx, []automation.NewEvent{younger})
		require.NoError(t, err)

		works, err := s.Claim(ctx, automation.ClaimParams{
			Now: now.Add(time.Second), Lease: time.Minute, Limit: 1, Events: 10, Runs: 10, Contact: automation.ContactRef{ID: c.ID},
		})
		require.NoError(t, err)
		require.Len(t, works, 1)
		var ids []string
		for _, e := range works[0].Events {
			ids = append(ids, e.ID)
			assert.Equal(t, c.ID, e.ContactID)
			assert.Empty(t, e.Email)
		}
		assert.Equal(t, []string{stray.Event.ID, younger.Event.ID}, ids)
	}
}

// After a claim has found a contact without a lease, another process may lease the contact
// by its key, or delete it. The claim then skips the contact.
func TestClaim_SkipsAContactThatIsLeasedMeanwhile(t *testing.T) {
	t.Parallel()
	s, pool := migrated(t)
	ctx, now := t.Context(), time.Now().UTC().Truncate(time.Microsecond)
	for i, contact := range []string{"taken", "free"} {
		e := order(i, "")
		e.Event.ContactID, e.Event.AcceptedAt, e.HostContact = contact, now, true
		_, err := s.AppendEvents(ctx, []automation.NewEvent{e})
		require.NoError(t, err)
	}
	tx, err := pool.Begin(ctx)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, "INSERT INTO automation.leases (owner, fence, until) VALUES ('=taken', 0, 'infinity')")
	require.NoError(t, err)
	claimed := make(chan []automation.Work, 1)
	go func() {
		works, err := s.Claim(ctx, automation.ClaimParams{Now: now.Add(time.Second), Lease: time.Minute, Limit: 10, Events: 10, Runs: 10})
		assert.NoError(t, err)
		claimed <- works
	}()
	require.Eventually(t, func() bool {
		waiting := false
		err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) OR NOT granted AND transactionid IS NOT NULL)").Scan(&waiting)
		return err == nil && waiting
	}, time.Minute, time.Millisecond, "the claim waits for the lease")
	require.NoError(t, tx.Commit(ctx))
	works := <-claimed
	require.Len(t, works, 1)
	assert.Equal(t, "free", works[0].Key.ID)
}
