// Command contacts runs an automation for the rows of the application's own users table:
// there is no second list of people.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
	"github.com/seed-b636437c/automation/timeline"
)

func main() {
	folder, err := os.MkdirTemp("", "contacts")
	if err == nil {
		defer os.RemoveAll(folder)
		err = run(context.Background(), filepath.Join(folder, "app.db"), os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "contacts:", err)
		os.Exit(1)
	}
}

// run runs the automation for three users and prints the timeline and the table.
func run(ctx context.Context, file string, out io.Writer) error {
	store, err := sqlitefile.Open(ctx, file)
	if err != nil {
		return err
	}
	defer store.Close()
	users := &users{store.DB()}
	if err := users.create(ctx); err != nil {
		return err
	}
	runner, err := automation.New(store, capture.New(), automation.Options{
		Contacts: users,
		Observer: timeline.New(out, timeline.Options{Start: time.Now(), Within: time.Hour}),
	})
	if err != nil {
		return err
	}
	if _, err := runner.Apply(ctx, upgrade); err != nil {
		return err
	}
	// A user of the application, by id, and an email that no user has.
	if _, err := runner.Send(ctx,
		automation.Event{Name: "plan.changed", ContactID: "1", Payload: pro},
		automation.Event{Name: "plan.changed", Email: "grace@example.com", Payload: pro},
	); err != nil {
		return err
	}
	if err := signUp(ctx, store, runner, "linus@example.com"); err != nil {
		return err
	}
	if _, err := runner.Drain(ctx); err != nil {
		return err
	}
	return users.print(ctx, out)
}

// pro is the payload of the events.
var pro = json.RawMessage(`{"plan": "pro"}`)

// signUp inserts a user and sends an event for this user, in one transaction. Unlike the
// function Send, SendTo finds the user in the users table.
func signUp(ctx context.Context, store *sqlitefile.Store, runner *automation.Runner, email string) error {
	tx, err := store.DB().BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var id string
	if err := tx.QueryRowContext(ctx, `INSERT INTO users (email) VALUES (?) RETURNING id`, email).Scan(&id); err != nil {
		return err
	}
	event := automation.Event{Name: "plan.changed", ContactID: id, Payload: pro}
	if _, err := runner.SendTo(ctx, store.Tx(tx), event); err != nil {
		return err
	}
	return tx.Commit()
}

// upgrade writes a user's new plan to the users table, and thanks the user.
var upgrade = automation.Automation{
	ID: "upgrade", Name: "Upgrade", Status: automation.StatusEnabled,
	Steps: []automation.Step{
		{Key: "changed", Config: automation.Trigger{EventName: "plan.changed"}},
		{Key: "note", Config: automation.ContactUpdate{
			Properties: map[string]automation.Value{"plan": automation.Var("event.plan")},
		}},
		{Key: "thanks", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "thanks"}}},
		{Key: "customers", Config: automation.AddToSegment{SegmentID: "customers"}},
	},
	Connections: []automation.Connection{
		{From: "changed", To: "note"},
		{From: "note", To: "thanks"},
		{From: "thanks", To: "customers"},
	},
}
