package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/sqlite"
)

// users is the application's own table, as an automation.ContactDirectory.
type users struct{ db *sql.DB }

var _ automation.ContactDirectory = (*users)(nil)

const createTables = `
CREATE TABLE IF NOT EXISTS users (
	id           INTEGER PRIMARY KEY,
	email        TEXT NOT NULL UNIQUE COLLATE NOCASE,
	first_name   TEXT NOT NULL DEFAULT '',
	last_name    TEXT NOT NULL DEFAULT '',
	plan         TEXT NOT NULL DEFAULT '',
	unsubscribed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS user_segments (user_id INTEGER, segment TEXT, PRIMARY KEY (user_id, segment));
INSERT INTO users (id, email, first_name) VALUES (1, 'ada@example.com', 'Ada') ON CONFLICT DO NOTHING;
`

// create creates the tables, and one user.
func (u *users) create(ctx context.Context) error {
	_, err := u.db.ExecContext(ctx, createTables)
	return err
}

const (
	selectUser     = `SELECT id, email, first_name, last_name, plan, unsubscribed FROM users WHERE `
	selectSegments = `SELECT segment FROM user_segments WHERE user_id = ? ORDER BY segment`
	insertUser     = `INSERT INTO users (email) VALUES (?) ON CONFLICT DO NOTHING`
	updateUser     = `UPDATE users SET email = ?, first_name = ?, last_name = ?, plan = ?, unsubscribed = ? WHERE id = ?`
	insertSegment  = `INSERT INTO user_segments (user_id, segment) VALUES (?, ?) ON CONFLICT DO NOTHING`
	deleteSegment  = `DELETE FROM user_segments WHERE user_id = ? AND segment = ?`
	deleteUser     = `DELETE FROM users WHERE id = ?`
)

// querier is a *sql.DB or a *sql.Tx.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// FindContact implements automation.ContactDirectory. While SendTo executes, it reads
// through the transaction of the application: this transaction may hold the only
// connection, and may have inserted the user.
func (u *users) FindContact(ctx context.Context, ref automation.ContactRef) (automation.Contact, error) {
	if tx, ok := sqlite.TxFrom[querier](ctx); ok {
		return find(ctx, tx, ref)
	}
	return find(ctx, u.db, ref)
}

func find(ctx context.Context, q querier, ref automation.ContactRef) (automation.Contact, error) {
	where, arg := "id = ?", any(ref.ID)
	if ref.ID == "" {
		where, arg = "email = ?", ref.Email // without regard to case, by the column's collation
	}
	var id int64
	var plan string
	var c automation.Contact
	err := q.QueryRowContext(ctx, selectUser+where, arg).Scan(&id, &c.Email, &c.FirstName, &c.LastName, &plan, &c.Unsubscribed)
	if errors.Is(err, sql.ErrNoRows) {
		return c, fmt.Errorf("user %q: %w", ref, automation.ErrNotFound)
	}
	if err != nil {
		return c, err
	}
	c.ID = strconv.FormatInt(id, 10)
	if plan != "" {
		c.Properties = map[string]any{"plan": plan}
	}
	c.Segments, err = segments(ctx, q, id)
	return c, err
}

func segments(ctx context.Context, q querier, id int64) (names []string, err error) {
	rows, err := q.QueryContext(ctx, selectSegments, id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// CreateContact implements automation.ContactDirectory: an event for an unknown email creates
// a user.
func (u *users) CreateContact(ctx context.Context, email string) (automation.Contact, error) {
	if _, err := u.db.ExecContext(ctx, insertUser, email); err != nil {
		return automation.Contact{}, err
	}
	return u.FindContact(ctx, automation.ContactRef{Email: email})
}

// UpdateContact implements automation.ContactDirectory. After a crash it may be
// called again with the same change, which then has no further effect.
func (u *users) UpdateContact(ctx context.Context, id string, change automation.ContactChange) (automation.Contact, error) {
	tx, err := u.db.BeginTx(ctx, nil)
	if err != nil {
		return automation.Contact{}, err
	}
	defer tx.Rollback()
	c, err := find(ctx, tx, automation.ContactRef{ID: id})
	if err != nil {
		return c, err
	}
	if err := taken(ctx, tx, id, change.Email); err != nil {
		return c, err
	}
	change.Apply(&c)
	plan, err := planOf(c)
	if err != nil {
		return c, err
	}
	if _, err := tx.ExecContext(ctx, updateUser, c.Email, c.FirstName, c.LastName, plan, c.Unsubscribed, id); err != nil {
		return c, err
	}
	for _, segment := range change.AddSegments {
		if _, err := tx.ExecContext(ctx, insertSegment, id, segment); err != nil {
			return c, err
		}
	}
	for _, segment := range change.RemoveSegments {
		if _, err := tx.ExecContext(ctx, deleteSegment, id, segment); err != nil {
			return c, err
		}
	}
	slices.Sort(c.Segments)
	return c, tx.Commit()
}

// taken returns an error if another user has the new email.
func taken(ctx context.Context, q querier, id string, email *string) error {
	if email == nil {
		return nil
	}
	other, err := find(ctx, q, automation.ContactRef{Email: *email})
	switch {
	case errors.Is(err, automation.ErrNotFound):
		return nil
	case err == nil && other.ID != id:
		return fmt.Errorf("user %q has the email already: %w", other.ID, automation.ErrConflict)
	default:
		return err
	}
}

// planOf returns the plan, which is the only property with a column. Any other property is a
// mistake in the automation, which a retry cannot repair.
func planOf(c automation.Contact) (string, error) {
	for name, v := range c.Properties {
		if _, ok := v.(string); name != "plan" || !ok {
			return "", automation.Permanent(fmt.Errorf("users have no column for the property %q = %v", name, v))
		}
	}
	plan, _ := c.Properties["plan"].(string)
	return plan, nil
}

// DeleteContact implements automation.ContactDirectory.
func (u *users) DeleteContact(ctx context.Context, id string) error {
	_, err := u.db.ExecContext(ctx, deleteUser, id)
	return err
}

// print prints the table.
func (u *users) print(ctx context.Context, out io.Writer) error {
	rows, err := u.db.QueryContext(ctx, `SELECT id, email, plan, coalesce(segment, '') FROM users LEFT JOIN user_segments ON user_id = id ORDER BY id`)
	if err != nil {
		return err
	}
	defer rows.Close()
	fmt.Fprintf(out, "\n%-4s %-20s %-6s %s\n", "id", "email", "plan", "segment")
	for rows.Next() {
		var id, email, plan, segment string
		if err := rows.Scan(&id, &email, &plan, &segment); err != nil {
			return err
		}
		fmt.Fprintf(out, "%-4s %-20s %-6s %s\n", id, email, plan, segment)
	}
	return rows.Err()
}
