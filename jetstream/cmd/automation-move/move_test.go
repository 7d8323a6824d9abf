package main

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/jetstream"
	"github.com/seed-b636437c/automation/jetstream/embedded"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

func TestRun_MovesThereAndBackAndAgain(t *testing.T) {
	server, err := embedded.Start(embedded.Options{Dir: t.TempDir(), Listen: "127.0.0.1:-1"})
	require.NoError(t, err)
	defer server.Close()
	file := filepath.Join(t.TempDir(), "automation.db")
	catalog, err := sqlitefile.Open(t.Context(), file)
	require.NoError(t, err)
	defer catalog.Close()
	mailer := capture.New()
	old, err := automation.New(catalog, mailer, automation.Options{})
	require.NoError(t, err)
	_, err = old.Apply(t.Context(), automation.Automation{
		ID: "welcome", Name: "Welcome", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "signup", Config: automation.Trigger{EventName: "signup"}},
			{Key: "wait", Config: automation.WaitForEvent{EventName: "paid"}},
			{Key: "thanks", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "thanks"}}},
		},
		Connections: []automation.Connection{{From: "signup", To: "wait"}, {From: "wait", To: "thanks", Type: automation.ConnectionEventReceived}},
	})
	require.NoError(t, err)
	for _, email := range []string{"ada@example.com", "bob@example.com"} {
		_, err = old.Send(t.Context(), automation.Event{Name: "signup", Email: email})
		require.NoError(t, err)
	}
	_, err = old.Drain(t.Context())
	require.NoError(t, err)

	move := func(to string) string {
		t.Helper()
		var out, errs bytes.Buffer
		args := []string{"-to", to, "-database", file, "-nats", server.URL(), "-partitions", "2"}
		require.NoError(t, run(t.Context(), args, &out, &errs), errs.String())
		return out.String()
	}
	nc, err := nats.Connect(server.URL())
	require.NoError(t, err)
	defer nc.Close()
	for range 2 {
		store, err := jetstream.New(t.Context(), nc, catalog, jetstream.Options{SyncedByHost: true, Partitions: 2})
		require.NoError(t, err)
		runner, err := automation.New(store, mailer, automation.Options{})
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() {
			done <- jetstream.NewWorker(store, runner, jetstream.WorkerOptions{Heartbeat: 50 * time.Millisecond}).Run(context.Background())
		}()
		assert.Contains(t, move("engine"), "Moved to the engine")
		assert.Contains(t, move("database"), "Moved to the database")
		require.ErrorIs(t, <-done, jetstream.ErrLeft)
		assert.Contains(t, move("database"), "Everything is in the database.")
		assert.Contains(t, move("forget"), "nothing of the engine")
	}
	_, err = old.Send(t.Context(), automation.Event{Name: "paid", Email: "ada@example.com"}, automation.Event{Name: "paid", Email: "bob@example.com"})
	require.NoError(t, err)
	_, err = old.Drain(t.Context())
	require.NoError(t, err)
	assert.Len(t, mailer.Emails(), 2)
}

func TestRun_NamesWhatIsMissing(t *testing.T) {
	server, err := embedded.Start(embedded.Options{Dir: t.TempDir(), Listen: "127.0.0.1:-1"})
	require.NoError(t, err)
	defer server.Close()
	var out, errs bytes.Buffer
	require.ErrorContains(t, run(t.Context(), []string{"-to", "the moon", "-nats", server.URL()}, &out, &errs), `-to is "the moon": give engine, database or forget`)
	require.ErrorContains(t, run(t.Context(), []string{"-to", "engine", "-nats", server.URL()}, &out, &errs), "-database is missing")
	require.ErrorContains(t, run(t.Context(), []string{"-nats", "nats://127.0.0.1:1"}, &out, &errs), "connecting to nats://127.0.0.1:1")
	require.NoError(t, run(t.Context(), []string{"-h"}, &out, &errs))
	assert.Contains(t, errs.String(), "-partitions")
	assert.Empty(t, out.String())
}
