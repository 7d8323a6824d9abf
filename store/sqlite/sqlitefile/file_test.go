package sqlitefile_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

func open(t *testing.T, path string) *sqlitefile.Store {
	t.Helper()
	s, err := sqlitefile.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func TestOpen_FindsWhatAnEarlierStoreHasWritten(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"store.db", "with space", "50% of? what#.db", "ä&b=c;d+e"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), name)
			s := open(t, path)
			require.FileExists(t, path)
			c := automation.Contact{ID: "c", Email: "ada@example.com"}
			require.NoError(t, s.InsertContact(t.Context(), c))
			require.NoError(t, s.Close())
			_, err := s.FindContact(t.Context(), automation.ContactRef{ID: "c"})
			require.ErrorIs(t, err, automation.ErrClosed)
			again, err := open(t, path).FindContact(t.Context(), automation.ContactRef{ID: "c"})
			require.NoError(t, err)
			assert.Equal(t, c, again)
		})
	}
}

func TestOpen_AtOnceForTheFirstTime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, err := sqlitefile.Open(t.Context(), path)
			if assert.NoError(t, err) {
				assert.NoError(t, s.Close())
			}
		})
	}
	wg.Wait()
}

func TestOpen_RelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	open(t, "store.db")
	require.FileExists(t, "store.db")
}

func TestOpen_Settings(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "store.db")).DB()
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "busy_timeout": "5000", "foreign_keys": "1"} {
		var is string
		require.NoError(t, db.QueryRow("PRAGMA "+pragma).Scan(&is))
		assert.Equal(t, want, is, pragma)
	}
}

func TestOpen_NamesTheFileInErrors(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	require.NoError(t, os.Mkdir(path, 0o700))
	_, err := sqlitefile.Open(t.Context(), path)
	require.ErrorContains(t, err, path)

	text := filepath.Join(t.TempDir(), "notes.txt")
	require.NoError(t, os.WriteFile(text, []byte("these are notes and no database, and they stay as they are"), 0o600))
	_, err = sqlitefile.Open(t.Context(), text)
	require.ErrorContains(t, err, text)

	over, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = sqlitefile.Open(over, filepath.Join(t.TempDir(), "store.db"))
	require.ErrorIs(t, err, context.Canceled)
}

// TestStore_ServesARunner sends an event through one handle, for which a Runner on another
// handle sends an email.
func TestStore_ServesARunner(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	mailer := capture.New()
	sent := make(chan struct{})
	mailer.Respond = func(context.Context, automation.Email) error {
		close(sent)
		return nil
	}
	worker, err := automation.New(open(t, path), mailer, automation.Options{})
	require.NoError(t, err)
	_, err = worker.Apply(t.Context(), automation.Automation{
		ID: "welcome", Name: "Welcome", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "signup", Config: automation.Trigger{EventName: "user.created"}},
			{Key: "hello", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "hello"}}},
		},
		Connections: []automation.Connection{{From: "signup", To: "hello"}},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error)
	go func() { served <- worker.Run(ctx) }()

	_, err = automation.Send(t.Context(), open(t, path), automation.Event{Name: "user.created", Email: "ada@example.com"})
	require.NoError(t, err)
	<-sent
	cancel()
	require.ErrorIs(t, <-served, context.Canceled)
}
