package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/seed-b636437c/automation/internal/diskfile"
)

// Prune removes the emails that were kept before this time, and returns how many copies it
// removed. After an error it has removed a part of them, and a second call goes on. The time of
// a copy is the time of its file.
func (a *Archive) Prune(ctx context.Context, before time.Time) (int, error) {
	n, err := a.remove(ctx, func(f fs.DirEntry) bool {
		info, err := f.Info()
		return err == nil && info.ModTime().Before(before)
	})
	if err != nil {
		err = fmt.Errorf("archive: prune: %w", err)
	}
	return n, err
}

// Erase removes the emails to this address, which may have a display name, and returns how many
// copies it removed. When it returns, they are off the disk. Call it after
// Runner.EraseContact, which fails while an email to the contact is in flight: then no copy
// comes later. If the contact had other addresses before, erase each of them. Erase does not
// look for the address in emails to others. After an error it has removed a part of the copies,
// and a second call goes on.
func (a *Archive) Erase(ctx context.Context, email string) (int, error) {
	recipient := hashOfAddress(email)
	n, err := a.remove(ctx, func(f fs.DirEntry) bool { return strings.Contains(f.Name(), "-"+recipient+ending) })
	if err != nil {
		err = fmt.Errorf("archive: erase: %w", err)
	}
	return n, err
}

// remove removes the files that match, also what a crash left half-written. A file may be gone
// already: other processes remove files too.
func (a *Archive) remove(ctx context.Context, matches func(fs.DirEntry) bool) (removed int, err error) {
	for n := range subfolders {
		if err := ctx.Err(); err != nil {
			return removed, err
		}
		some, err := removeFrom(a.subfolder(n), matches)
		if removed += some; err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// removeFrom removes the files of a subfolder that match, and returns how many copies it
// removed.
func removeFrom(folder string, matches func(fs.DirEntry) bool) (removed int, err error) {
	files, err := os.ReadDir(folder)
	if err != nil {
		return 0, err
	}
	gone := false
	for _, f := range files {
		if !matches(f) {
			continue
		}
		switch err := os.Remove(filepath.Join(folder, f.Name())); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return removed, err
		case !strings.HasPrefix(f.Name(), diskfile.HalfWritten):
			removed++
		}
		gone = true
	}
	if !gone {
		return 0, nil
	}
	return removed, diskfile.SyncFolder(folder)
}
