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

// run runs the automation for two users and prints the timeline and the table.
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
	payload := json.RawMessage(`{"plan": "pro"}`)
	for _, e := range []automation.Event{
		{Name: "plan.changed", ContactID: "1", Payload: payload},
		{Name: "plan.changed", Email: "grace@example.com", Payload: payload},
	} {
		if err := send(ctx, store, runner, e); err != nil {
			return err
		}
	}
	if _, err := runner.Drain(ctx); err != nil {
		return err
	}
	return users.print(ctx, out)
}

// send writes a row of the application and sends an event, in one transaction. Unlike the
// function Send, SendTo uses the contacts of the host.
func send(ctx context.Context, store *sqlitefile.Store, runner *automation.Runner, e automation.Event) error {
	tx, err := store.DB().BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, `INSERT INTO audit (what) VALUES (?)`, e.Name); err != nil {
		return err
	}
	if _, err := runner.SendTo(ctx, store.Tx(tx), e); err != nil {
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
