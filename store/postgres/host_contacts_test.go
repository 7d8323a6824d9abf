package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/postgres"
)

// signups is a host with users of its own, who are the contacts, and a Runner on the same
// pool.
type signups struct {
	*host
	*automation.Runner
	mailer *capture.Mailer
	db     *sql.DB // the pool, for a host that uses database/sql
}

// newSignups returns a host whose pool has a number of connections.
func newSignups(t *testing.T, connections int32, contacts func(h *signups) automation.ContactDirectory) *signups {
	t.Helper()
	pool := newPool(t, pgtest.URL(t), func(c *pgxpool.Config) { c.MaxConns = connections })
	execute(t, pool, `CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text UNIQUE)`)
	h := &signups{
		host:   &host{Store: newStore(t, pool, postgres.Options{}), pool: pool},
		mailer: capture.New(), db: stdlib.OpenDBFromPool(pool),
	}
	t.Cleanup(func() { require.NoError(t, h.db.Close()) })
	require.NoError(t, h.Migrate(t.Context()))
	// A new value of the store, and a new Runner: the first call of each is in a transaction.
	h.Store = newStore(t, pool, postgres.Options{})
	var err error
	h.Runner, err = automation.New(h.Store, h.mailer, automation.Options{Contacts: contacts(h)})
	require.NoError(t, err)
	return h
}

// users is the contact directory of a host. find executes a query for one row.
type users struct {
	automation.ContactDirectory // nil: a test calls FindContact only
	find                        func(ctx context.Context, query string, arg any) interface{ Scan(into ...any) error }
}

func (u users) FindContact(ctx context.Context, ref automation.ContactRef) (c automation.Contact, err error) {
	query, arg := `SELECT id::text, email FROM users WHERE id::text = $1`, ref.ID
	if arg == "" {
		query, arg = `SELECT id::text, email FROM users WHERE email = $1`, ref.Email
	}
	err = u.find(ctx, query, arg).Scan(&c.ID, &c.Email)
	if errors.Is(err, sql.ErrNoRows) { // pgx.ErrNoRows is one
		return c, fmt.Errorf("user %s: %w", ref, automation.ErrNotFound)
	}
	return c, err
}

const insertUser = `INSERT INTO users (email) VALUES ($1) RETURNING id::text`

// usersPGX is the directory of a host that uses pgx.
func usersPGX(h *signups) automation.ContactDirectory {
	return users{find: func(ctx context.Context, query string, arg any) interface{ Scan(into ...any) error } {
		if tx, ok := postgres.TxFrom[pgx.Tx](ctx); ok {
			return tx.QueryRow(ctx, query, arg)
		}
		return h.pool.QueryRow(ctx, query, arg)
	}}
}

func (h *signups) signUpPGX(ctx context.Context, email string) ([]automation.EventReceipt, error) {
	var receipts []automation.EventReceipt
	err := pgx.BeginFunc(ctx, h.pool, func(tx pgx.Tx) (err error) {
		var id string
		if err := tx.QueryRow(ctx, insertUser, email).Scan(&id); err != nil {
			return err
		}
		receipts, err = h.SendTo(ctx, h.Tx(tx), eventsOf(id, email)...)
		return err
	})
	return receipts, err
}

// usersSQL is the directory of a host that uses database/sql.
func usersSQL(h *signups) automation.ContactDirectory {
	return users{find: func(ctx context.Context, query string, arg any) interface{ Scan(into ...any) error } {
		if tx, ok := postgres.TxFrom[*sql.Tx](ctx); ok {
			return tx.QueryRowContext(ctx, query, arg)
		}
		return h.db.QueryRowContext(ctx, query, arg)
	}}
}

func (h *signups) signUpSQL(ctx context.Context, email string) ([]automation.EventReceipt, error) {
	tx, err := h.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	var id string
	if err := tx.QueryRowContext(ctx, insertUser, email).Scan(&id); err != nil {
		return nil, err
	}
	receipts, err := h.SendTo(ctx, h.SQLTx(tx), eventsOf(id, email)...)
	if err != nil {
		return nil, err
	}
	return receipts, tx.Commit()
}

// eventsOf are two events for a new user, one by id and one by email. The definition is
// looked up in the transaction, and so is the idempotency key.
func eventsOf(id, email string) []automation.Event {
	return []automation.Event{
		{Name: "user.created", ContactID: id, IdempotencyKey: email},
		{Name: "user.created", Email: email},
	}
}

// TestTx_ContactsOfTheHost signs users up concurrently. Each transaction inserts a user
// and sends events for it, on a pool with fewer connections than transactions.
func TestTx_ContactsOfTheHost(t *testing.T) {
	t.Parallel()
	for _, connections := range []int32{1, 4} {
		for _, library := range []struct {
			name     string
			contacts func(h *signups) automation.ContactDirectory
			signUp   func(h *signups, ctx context.Context, email string) ([]automation.EventReceipt, error)
		}{
			{"pgx", usersPGX, (*signups).signUpPGX},
			{"database/sql", usersSQL, (*signups).signUpSQL},
		} {
			t.Run(fmt.Sprintf("%s, %d connections", library.name, connections), func(t *testing.T) {
				t.Parallel()
				h := newSignups(t, connections, library.contacts)
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				receipts, errs := make([][]automation.EventReceipt, 16), make([]error, 16)
				var group sync.WaitGroup
				for i := range receipts {
					group.Go(func() { receipts[i], errs[i] = library.signUp(h, ctx, fmt.Sprintf("user%d@example.com", i)) })
				}
				group.Wait()
				require.NoError(t, errors.Join(errs...))
				for i := range receipts {
					h.assertEventsOf(t, fmt.Sprintf("user%d@example.com", i), receipts[i])
				}
				h.assertWelcomes(t, len(receipts))
			})
		}
	}
}

// assertWelcomes asserts that the users get one email for each of their two events.
func (h *signups) assertWelcomes(t *testing.T, users int) {
	t.Helper()
	_, err := h.Apply(t.Context(), welcome)
	require.NoError(t, err)
	_, err = h.Drain(t.Context())
	require.NoError(t, err)
	assert.Len(t, h.mailer.Emails(), 2*users)
}

// welcome sends an email to a new user.
var welcome = automation.Automation{
	ID: "welcome", Name: "Welcome", Status: automation.StatusEnabled,
	Steps: []automation.Step{
		{Key: "signup", Config: automation.Trigger{EventName: "user.created"}},
		{Key: "hello", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "hello"}}},
	},
	Connections: []automation.Connection{{From: "signup", To: "hello"}},
}

// assertEventsOf asserts that both events are for the user with an email.
func (h *signups) assertEventsOf(t *testing.T, email string, receipts []automation.EventReceipt) {
	t.Helper()
	c, err := h.GetContact(t.Context(), automation.ContactRef{Email: email})
	require.NoError(t, err)
	require.Len(t, receipts, 2)
	for _, r := range receipts {
		e, err := h.GetEvent(t.Context(), r.ID)
		require.NoError(t, err)
		assert.Equal(t, c.ID, e.ContactID)
		assert.Empty(t, e.Email)
	}
}
