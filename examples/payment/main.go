// Command payment shows reminders that end with the payment: the application's own transaction
// pays the order and ends its reminders, or does neither. Three days pass in an instant.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
	"github.com/seed-b636437c/automation/timeline"
)

// reminders remind of an order once a day, until it is paid. Each order has one run.
var reminders = automation.Automation{
	ID: "reminders", Name: "Payment reminders",
	Steps: []automation.Step{
		{Key: "placed", Config: automation.Trigger{EventName: "order.placed"}},
		{Key: "day", Config: automation.Delay{Duration: automation.MustParseDuration("1 day")}},
		{Key: "first", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "please-pay"}}},
		{Key: "another_day", Config: automation.Delay{Duration: automation.MustParseDuration("1 day")}},
		{Key: "last", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "last-reminder"}}},
	},
	Connections: []automation.Connection{
		{From: "placed", To: "day"}, {From: "day", To: "first"}, {From: "first", To: "another_day"}, {From: "another_day", To: "last"},
	},
	Entry: &automation.Entry{Reentry: automation.Reentry{Key: "event.order_id", WhileRunning: automation.ReentryIgnore}},
	Exit: &automation.Exit{
		Events: []automation.Listener{{Name: "paid", EventName: "order.paid", Match: []automation.Match{{Event: "order_id"}}}},
		MaxAge: automation.MustParseDuration("14 days"),
	},
}

func main() {
	folder, err := os.MkdirTemp("", "payment")
	if err == nil {
		defer os.RemoveAll(folder)
		err = play(context.Background(), filepath.Join(folder, "shop.db"), os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "payment:", err)
		os.Exit(1)
	}
}

// shop is the application: its table of orders is in the database of the automations.
type shop struct {
	db     *sql.DB
	store  *sqlitefile.Store
	runner *automation.Runner
}

// play places two orders of one person. One payment fails at first.
func play(ctx context.Context, file string, out io.Writer) error {
	store, err := sqlitefile.Open(ctx, file)
	if err != nil {
		return err
	}
	defer store.Close()
	now := clock.NewMock()
	now.Set(time.Date(2026, time.May, 4, 9, 0, 0, 0, time.UTC))
	runner, err := automation.New(store, capture.New(), automation.Options{
		Clock: now, Observer: timeline.New(out, timeline.Options{Start: now.Now()}),
	})
	if err != nil {
		return err
	}
	if _, err := runner.Apply(ctx, reminders); err != nil {
		return err
	}
	s := &shop{store.DB(), store, runner}
	if _, err := s.db.ExecContext(ctx, `CREATE TABLE orders (id integer PRIMARY KEY, email text NOT NULL, paid integer NOT NULL DEFAULT 0)`); err != nil {
		return err
	}
	for id := 1; id <= 2; id++ {
		if err := s.write(ctx, `INSERT INTO orders (id, email) VALUES (?, 'ada@example.com')`, id, "order.placed", nil); err != nil {
			return err
		}
	}
	for day := range 3 {
		if _, err := runner.Drain(ctx); err != nil {
			return err
		}
		now.Add(24 * time.Hour)
		var declined error
		if day == 0 {
			declined = errors.New("the card was declined")
		}
		err := s.write(ctx, `UPDATE orders SET paid = 1 WHERE id = ? AND paid = 0`, 2, "order.paid", declined)
		fmt.Fprintf(out, "\n  payment of order 2: %v\n", outcome(err))
	}
	return nil
}

// write changes an order and sends an event about it, in one transaction. If fails is not nil,
// nothing is written: neither the order nor the event.
func (s *shop) write(ctx context.Context, statement string, order int, event string, fails error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // has no effect after the commit
	res, err := tx.ExecContext(ctx, statement, order)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, errPaid)
	}
	_, err = s.runner.SendTo(ctx, s.store.Tx(tx), automation.Event{
		Name: event, Email: "ada@example.com", Payload: automation.Payload(map[string]int{"order_id": order}),
	})
	if err = errors.Join(err, fails); err != nil {
		return err
	}
	return tx.Commit()
}

var errPaid = errors.New("it is paid already")

func outcome(err error) string {
	if err != nil {
		return err.Error()
	}
	return "it is paid"
}
