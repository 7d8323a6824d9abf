package archive_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/mail/archive"
)

// opened is an archive in a folder of its own.
type opened struct {
	*archive.Archive
	t      *testing.T
	folder string
}

func open(t *testing.T) opened {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "new", "folder")
	a, err := archive.Open(folder)
	require.NoError(t, err)
	return opened{a, t, folder}
}

func (o opened) keep(id, to string) {
	o.t.Helper()
	require.NoError(o.t, o.Keep(o.t.Context(), id, mail.Message{To: to, Text: id}))
}

// files returns the paths of all files.
func (o opened) files() (paths []string) {
	o.t.Helper()
	require.NoError(o.t, filepath.WalkDir(o.folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			paths = append(paths, path)
		}
		return err
	}))
	return paths
}

// age makes all files this old.
func (o opened) age(by time.Duration) {
	o.t.Helper()
	for _, path := range o.files() {
		at := time.Now().Add(-by)
		require.NoError(o.t, os.Chtimes(path, at, at))
	}
}

func (o opened) has(id string) bool {
	o.t.Helper()
	_, err := o.SentEmail(o.t.Context(), id)
	if err != nil {
		require.ErrorIs(o.t, err, automation.ErrNotFound)
	}
	return err == nil
}

func TestArchive_ReturnsAnEmailAsItWasKept(t *testing.T) {
	t.Parallel()
	o := open(t)
	want := mail.Message{
		From: "Acme <hello@acme.example>", To: `"Ädä" <ada@example.com>`, ReplyTo: "a@acme.example, b@acme.example",
		Subject: "Grüße & <Küsse> \U0001F389", HTML: "<p>\u2028 & \x00</p>", Text: "Hello\r\n", UnsubscribeURL: "https://acme.example/u?t=1&x=2",
	}
	require.NoError(t, o.Keep(t.Context(), "1@acme.example", want))
	again, err := archive.Open(o.folder)
	require.NoError(t, err)
	got, err := again.SentEmail(t.Context(), "1@acme.example")
	require.NoError(t, err)
	assert.Equal(t, want, got)
	info, err := os.Stat(o.files()[0])
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o600), info.Mode())
	_, err = again.SentEmail(t.Context(), "2@acme.example")
	require.ErrorIs(t, err, automation.ErrNotFound)
}

func TestArchive_TakesEveryID(t *testing.T) {
	t.Parallel()
	o := open(t)
	ids := []string{"a", "A", "../../etc/passwd", "/", ".", "..", "a/b", `a\b`, "con", "\x00", "\xff", strings.Repeat("ü", 5000)}
	for _, id := range ids {
		o.keep(id, "ada@example.com")
	}
	assert.Len(t, o.files(), len(ids), "all in the folder, each under its own name")
	for _, id := range ids {
		got, err := o.SentEmail(t.Context(), id)
		require.NoError(t, err, "%.20q", id)
		assert.Equal(t, strings.ToValidUTF8(id, "\uFFFD"), got.Text)
	}
	require.ErrorContains(t, o.Keep(t.Context(), "", mail.Message{}), "no id")
	_, err := o.SentEmail(t.Context(), "")
	require.ErrorIs(t, err, automation.ErrNotFound)
}

func TestArchive_KeepsTheLastCopyOfAnID(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.keep("1", "ada@example.com")
	require.NoError(t, o.Keep(t.Context(), "1", mail.Message{To: "ada@example.com", Text: "again"}))
	assert.Len(t, o.files(), 1)
	o.age(time.Hour)
	require.NoError(t, o.Keep(t.Context(), "1", mail.Message{To: "countess@example.com", Text: "moved"}))
	got, err := o.SentEmail(t.Context(), "1")
	require.NoError(t, err)
	assert.Equal(t, "moved", got.Text)
}

func TestArchive_TellsADamagedCopyFromNone(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.keep("1", "ada@example.com")
	require.NoError(t, os.WriteFile(o.files()[0], []byte(`{"id":`), 0o600))
	_, err := o.SentEmail(t.Context(), "1")
	require.Error(t, err)
	require.NotErrorIs(t, err, automation.ErrNotFound)
}

func TestErase_RemovesTheEmailsToAnAddress(t *testing.T) {
	t.Parallel()
	o := open(t)
	for i := range 20 {
		o.keep(fmt.Sprint("ada", i), "Ada <ADA@example.com>")
	}
	o.keep("bob", "bob@example.com")
	o.keep("other", "xada@example.com")
	n, err := o.Erase(t.Context(), "ada@example.com")
	require.NoError(t, err)
	assert.Equal(t, 20, n)
	assert.False(t, o.has("ada0"))
	assert.True(t, o.has("bob"))
	assert.True(t, o.has("other"))
	for _, path := range o.files() {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.NotContains(t, string(content), "ADA@")
	}
	n, err = o.Erase(t.Context(), "no address")
	require.NoError(t, err)
	assert.Zero(t, n)
}

func TestErase_RemovesWhatACrashLeft(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.keep("1", "ada@example.com")
	o.keep("2", "bob@example.com")
	for _, path := range o.files() {
		left := filepath.Join(filepath.Dir(path), ".new-"+filepath.Base(path)+"-123")
		require.NoError(t, os.WriteFile(left, []byte(`{"id":"1","to":"a`), 0o600))
	}
	n, err := o.Erase(t.Context(), "ada@example.com")
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	assert.Len(t, o.files(), 2, "Bob's, and what a crash left of his")
	o.age(2 * time.Hour)
	n, err = o.Prune(t.Context(), time.Now().Add(-time.Hour))
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	assert.Empty(t, o.files())
}

func TestPrune_RemovesOldEmails(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.keep("old", "ada@example.com")
	o.age(48 * time.Hour)
	o.keep("new", "ada@example.com")
	n, err := o.Prune(t.Context(), time.Now().Add(-24*time.Hour))
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	assert.False(t, o.has("old"))
	assert.True(t, o.has("new"))
}

func TestArchive_IsSharedByWritersAndErasers(t *testing.T) {
	t.Parallel()
	o := open(t)
	var all sync.WaitGroup
	for writer := range 4 {
		a, err := archive.Open(o.folder) // as another process does
		require.NoError(t, err)
		all.Go(func() {
			for i := range 25 {
				assert.NoError(t, a.Keep(t.Context(), fmt.Sprint(i), mail.Message{To: "bob@example.com", Text: strings.Repeat(fmt.Sprint(writer), 5000)}))
				got, err := a.SentEmail(t.Context(), fmt.Sprint(i))
				assert.NoError(t, err)
				assert.Len(t, got.Text, 5000)
				if i%5 != 0 {
					continue
				}
				_, err = a.Erase(t.Context(), "ada@example.com")
				assert.NoError(t, err)
				_, err = a.Prune(t.Context(), time.Now().Add(-time.Hour))
				assert.NoError(t, err)
			}
		})
	}
	all.Wait()
	assert.Len(t, o.files(), 25)
}

func TestArchive_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.keep("1", "ada@example.com")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := o.SentEmail(ctx, "1")
	require.ErrorIs(t, err, context.Canceled)
	_, err = o.Erase(ctx, "ada@example.com")
	require.ErrorIs(t, err, context.Canceled)
	_, err = o.Prune(ctx, time.Now().Add(time.Hour))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, o.Keep(ctx, "2", mail.Message{}), context.Canceled)
	assert.True(t, o.has("1"))
}

func TestArchive_ReportsErrorsOfTheDisk(t *testing.T) {
	t.Parallel()
	o := open(t)
	_, err := archive.Open(filepath.Join(o.folder, "00", "x", "\x00"))
	require.Error(t, err)
	require.NoError(t, os.RemoveAll(o.folder))
	require.ErrorIs(t, o.Keep(t.Context(), "1", mail.Message{To: "ada@example.com"}), fs.ErrNotExist)
	_, err = o.Erase(t.Context(), "ada@example.com")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = o.Prune(t.Context(), time.Now())
	require.ErrorIs(t, err, fs.ErrNotExist)
}
