package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/postgres"
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

// An event that is under the email of a contact belongs to that contact, also after the email
// is no longer the contact's.
func TestClaim_BringsAStrayEventOfAContactThatHasLostItsEmail(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC().Truncate(time.Microsecond)
	params := automation.ClaimParams{Now: now.Add(time.Second), Lease: time.Minute, Limit: 10, Events: 10, Runs: 10}
	const id = "0195a3c0-7d00-7000-8000-00000000000a"
	// commit writes a transition of the contact, under a lease that it claims for that.
	commit := func(t *testing.T, s *postgres.Store, stray automation.NewEvent, tr automation.Transition) {
		p := params
		p.Contact = automation.ContactRef{ID: id}
		works, err := s.Claim(t.Context(), p)
		require.NoError(t, err)
		require.Len(t, works, 1)
		_, err = s.AppendEvents(t.Context(), []automation.NewEvent{stray})
		require.NoError(t, err)
		tr.Key, tr.Token, tr.Now, tr.Release = works[0].Key, works[0].Token, now, true
		results, err := s.Commit(t.Context(), []automation.Transition{tr})
		require.NoError(t, err)
		require.NoError(t, results[0].Err)
	}
	renamed := "countess@example.com"
	for name, lose := range map[string]func(t *testing.T, s *postgres.Store, stray automation.NewEvent){
		"deleted": func(t *testing.T, s *postgres.Store, stray automation.NewEvent) {
			_, err := s.AppendEvents(t.Context(), []automation.NewEvent{stray})
			require.NoError(t, err)
			require.NoError(t, s.DeleteContact(t.Context(), id, now))
		},
		"renamed": func(t *testing.T, s *postgres.Store, stray automation.NewEvent) {
			_, err := s.AppendEvents(t.Context(), []automation.NewEvent{stray})
			require.NoError(t, err)
			_, err = s.UpdateContact(t.Context(), id, automation.ContactChange{Email: &renamed})
			require.NoError(t, err)
		},
		"deleted by a commit": func(t *testing.T, s *postgres.Store, stray automation.NewEvent) {
			commit(t, s, stray, automation.Transition{Delete: true})
		},
		"renamed by a commit": func(t *testing.T, s *postgres.Store, stray automation.NewEvent) {
			commit(t, s, stray, automation.Transition{Change: &automation.ContactChange{Email: &renamed}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := migrated(t)
			require.NoError(t, s.InsertContact(t.Context(), automation.Contact{ID: id, Email: "ada@example.com", CreatedAt: now}))
			stray := order(1, "") // HostContact leaves the email unresolved, as it is for a sender of a stray
			stray.Event.ContactID, stray.Event.Email, stray.HostContact, stray.Event.AcceptedAt = "", "ada@example.com", true, now
			lose(t, s, stray)
			works, err := s.Claim(t.Context(), params)
			require.NoError(t, err)
			require.Len(t, works, 1)
			assert.Equal(t, automation.ContactRef{ID: id}, works[0].Key)
			require.Len(t, works[0].Events, 1)
			assert.Equal(t, stray.Event.ID, works[0].Events[0].ID)
		})
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
	_, err = tx.Exec(ctx, "INSERT INTO automation.leases (owner, fence_no, until) VALUES ('=taken', 0, 'infinity')")
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
