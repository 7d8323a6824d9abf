package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/sqlite"
)

// users is the contact directory of an application, in the database of the store.
type users struct {
	automation.ContactDirectory // nil: the tests call FindContact only
	db                          *sql.DB
}

func (u users) FindContact(ctx context.Context, ref automation.ContactRef) (c automation.Contact, err error) {
	find := u.db.QueryRowContext
	if tx, ok := sqlite.TxFrom[*sql.Tx](ctx); ok {
		find = tx.QueryRowContext
	}
	query, arg := `SELECT id, email FROM users WHERE id = ?`, ref.ID
	if arg == "" {
		query, arg = `SELECT id, email FROM users WHERE email = ?`, ref.Email
	}
	err = find(ctx, query, arg).Scan(&c.ID, &c.Email)
	if errors.Is(err, sql.ErrNoRows) {
		return c, fmt.Errorf("user %s: %w", ref, automation.ErrNotFound)
	}
	return c, err
}

// signUp inserts a user and sends an event by id, and one by email, in one transaction.
// The definition and the idempotency key are looked up in the transaction, too.
func signUp(ctx context.Context, db *sql.DB, s *sqlite.Store, r *automation.Runner, email string) ([]automation.EventReceipt, error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	var id string
	if err := tx.QueryRowContext(ctx, `INSERT INTO users (email) VALUES (?) RETURNING id`, email).Scan(&id); err != nil {
		return nil, err
	}
	receipts, err := r.SendTo(ctx, s.Tx(tx),
		automation.Event{Name: "user.created", ContactID: id, IdempotencyKey: email},
		automation.Event{Name: "user.created", Email: email})
	if err != nil {
		return nil, err
	}
	return receipts, tx.Commit()
}

// TestTx_ContactsOfTheHost signs users up concurrently, and then sends their emails, on
// the only connection.
func TestTx_ContactsOfTheHost(t *testing.T) {
	t.Parallel()
	for _, d := range []driverName{ncruces, modernc} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			db := d.open(t, filepath.Join(t.TempDir(), "store.db"))
			db.SetMaxOpenConns(1)
			require.NoError(t, sqlite.New(db).Migrate(t.Context()))
			_, err := db.ExecContext(t.Context(), `CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE)`)
			require.NoError(t, err)
			s, mailer := sqlite.New(db), capture.New() // whose first call is in a transaction
			r, err := automation.New(s, mailer, automation.Options{Contacts: users{db: db}})
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()

			receipts, errs := make([][]automation.EventReceipt, 16), make([]error, 16)
			var group sync.WaitGroup
			for i := range receipts {
				group.Go(func() { receipts[i], errs[i] = signUp(ctx, db, s, r, fmt.Sprintf("user%d@example.com", i)) })
			}
			group.Wait()
			require.NoError(t, errors.Join(errs...))
			for i := range receipts {
				c, err := r.GetContact(ctx, automation.ContactRef{Email: fmt.Sprintf("user%d@example.com", i)})
				require.NoError(t, err)
				require.Len(t, receipts[i], 2)
				for _, receipt := range receipts[i] {
					e, err := r.GetEvent(ctx, receipt.ID)
					require.NoError(t, err)
					assert.Equal(t, c.ID, e.ContactID)
					assert.Empty(t, e.Email)
				}
			}
			_, err = r.Apply(ctx, welcome)
			require.NoError(t, err)
			_, err = r.Drain(ctx)
			require.NoError(t, err)
			assert.Len(t, mailer.Emails(), 2*len(receipts))
		})
	}
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
