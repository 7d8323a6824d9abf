// Package diskfile writes files that a crash leaves whole.
package diskfile

import (
	"errors"
	"os"
	"path/filepath"
)

// HalfWritten is the prefix of the names of files that are not complete yet. The name of the
// file that each shall become follows.
const HalfWritten = ".new-"

// Replace writes a file, which only this user can read, so that after a crash it has its old
// or its new content. When Replace returns, the content is on the disk. Of several writers at
// once, in any process, the last one wins.
func Replace(path string, data []byte) error {
	folder := filepath.Dir(path)
	f, err := os.CreateTemp(folder, HalfWritten+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails after the rename, when there is nothing to remove
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return SyncFolder(folder)
}

// SyncFolder writes the names of a folder's files to the disk.
func SyncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
