package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// upload is a file that a client has sent.
type upload struct {
	memory []byte
	disk   *os.File // nil if the file is in memory
}

// receive reads the file. If it is longer than memory, it goes to a temporary file. remove
// must be called, also after an error.
func (u *upload) receive(from io.Reader, memory int64) (err error) {
	from = clientReader{from}
	if u.memory, err = io.ReadAll(io.LimitReader(from, memory+1)); err != nil || int64(len(u.memory)) <= memory {
		return err
	}
	if u.disk, err = os.CreateTemp("", "contacts-*.csv"); err != nil {
		return fmt.Errorf("keep upload: %w", err)
	}
	_ = os.Remove(u.disk.Name()) // where the system allows it: a crash then leaves no contacts behind
	if _, err := io.Copy(u.disk, io.MultiReader(bytes.NewReader(u.memory), from)); err != nil {
		return fmt.Errorf("keep upload: %w", err)
	}
	u.memory = nil
	return nil
}

// clientReader reads from a client. An error is the client's failure.
type clientReader struct{ io.Reader }

func (c clientReader) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = brokenOff(err)
	}
	return n, err
}

// reader returns the content of the file.
func (u *upload) reader() (io.Reader, error) {
	if u.disk == nil {
		return bytes.NewReader(u.memory), nil
	}
	if _, err := u.disk.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read upload: %w", err)
	}
	return u.disk, nil
}

// remove removes the temporary file. Its errors change nothing for the client.
func (u *upload) remove() {
	if u.disk != nil {
		_ = u.disk.Close()
		_ = os.Remove(u.disk.Name())
	}
}
