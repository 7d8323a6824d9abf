// Package archive keeps copies of emails in a folder, so that a person can see later what a
// contact got. It is for mailers whose server keeps none, such as mail/smtp:
//
//	copies, err := archive.Open("/var/lib/acme/emails")
//	…
//	mailer, err := smtp.New(host, templates, smtp.Options{Archive: copies})
//	…
//	pages, err := dashboard.New(runner, dashboard.Options{SentEmails: copies})
//
// A copy is a file of JSON that only the user of the process can read. When Keep returns, the
// file is on the disk; a crash leaves no half of one that SentEmail would return. Any number of
// processes may share a folder.
//
// Copies are personal data. Call Prune from time to time, and Erase where a contact is erased.
package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/diskfile"
	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/mail"
)

// Archive is a folder with copies of emails. It is safe for concurrent use.
//
// The name of a file is made from the hashes of the id and of the recipient: ids come from
// outside, and Erase need not read what it keeps. The first byte of the id's hash is the name
// of the subfolder, so that none has too many files.
type Archive struct{ folder string }

var (
	_ mail.SentEmails = (*Archive)(nil)
	_ mail.Archive    = (*Archive)(nil)
)

// copied is the content of a file.
type copied struct {
	ID             string `json:"id"`
	From           string `json:"from"`
	To             string `json:"to"`
	ReplyTo        string `json:"reply_to,omitempty"`
	Subject        string `json:"subject"`
	HTML           string `json:"html,omitempty"`
	Text           string `json:"text,omitempty"`
	UnsubscribeURL string `json:"unsubscribe_url,omitempty"`
}

// subfolders is how many subfolders there are: one for each first byte of a hash.
const subfolders = 256

// Open returns the Archive in folder, which it makes if there is none. Nothing else may be in
// the folder. The error wraps the error of the file system.
func Open(folder string) (*Archive, error) {
	a := &Archive{folder}
	for n := range subfolders {
		if err := os.MkdirAll(a.subfolder(n), 0o700); err != nil {
			return nil, fmt.Errorf("archive: open: %w", err)
		}
	}
	if err := diskfile.SyncFolder(folder); err != nil {
		return nil, fmt.Errorf("archive: open: %w", err)
	}
	return a, nil
}

func (a *Archive) subfolder(n int) string {
	return filepath.Join(a.folder, hex.EncodeToString([]byte{byte(n)}))
}

// Keep implements mail.Archive. The error wraps the error of the file system.
func (a *Archive) Keep(ctx context.Context, id string, m mail.Message) error {
	if id == "" {
		return errors.New("archive: keep: the email has no id, so SentEmail could not find it")
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("archive: keep email %s: %w", jsondoc.Quote(id), err)
	}
	var data bytes.Buffer
	enc := json.NewEncoder(&data)
	enc.SetEscapeHTML(false) // escaping would make an HTML email much longer
	err := enc.Encode(copied{id, m.From, m.To, m.ReplyTo, m.Subject, m.HTML, m.Text, m.UnsubscribeURL})
	if err == nil {
		err = diskfile.Replace(a.prefix(id)+hashOfAddress(m.To)+ending, data.Bytes())
	}
	if err != nil {
		return fmt.Errorf("archive: keep email %s: %w", jsondoc.Quote(id), err)
	}
	return nil
}

// ending is the end of the names of files.
const ending = ".json"

// prefix returns the path of an id's copies, without the hash of the recipient. No two ids
// have the same, also on a file system that ignores case, and none leads to another folder.
func (a *Archive) prefix(id string) string {
	sum := sha256.Sum256([]byte(id))
	return filepath.Join(a.subfolder(int(sum[0])), hex.EncodeToString(sum[:])+"-")
}

// hashOfAddress returns the same text for the same address, with a display name or without.
func hashOfAddress(text string) string {
	if a, err := netmail.ParseAddress(text); err == nil {
		text = a.Address
	}
	sum := sha256.Sum256([]byte(automation.EmailKey(strings.TrimSpace(text))))
	return hex.EncodeToString(sum[:16])
}

// SentEmail implements mail.SentEmails. If the email was kept for two recipients, as their
// contact got another address between two attempts, it returns the newest copy.
func (a *Archive) SentEmail(ctx context.Context, id string) (mail.Message, error) {
	if err := ctx.Err(); err != nil {
		return mail.Message{}, fmt.Errorf("archive: email %s: %w", jsondoc.Quote(id), err)
	}
	path, err := newest(a.prefix(id))
	var data []byte
	if err == nil {
		data, err = os.ReadFile(path)
	}
	if errors.Is(err, fs.ErrNotExist) { // also if Prune or Erase has just removed it
		err = automation.ErrNotFound
	}
	var c copied
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil {
		return mail.Message{}, fmt.Errorf("archive: email %s: %w", jsondoc.Quote(id), err)
	}
	return mail.Message{From: c.From, To: c.To, ReplyTo: c.ReplyTo, Subject: c.Subject, HTML: c.HTML, Text: c.Text, UnsubscribeURL: c.UnsubscribeURL}, nil
}

// newest returns the path of the newest file whose path has this prefix. The error is
// fs.ErrNotExist if there is none.
func newest(prefix string) (path string, err error) {
	folder, start := filepath.Split(prefix)
	files, err := os.ReadDir(folder)
	if err != nil {
		return "", err
	}
	var at time.Time
	for _, f := range files {
		if !strings.HasPrefix(f.Name(), start) {
			continue
		}
		if info, err := f.Info(); err == nil && (path == "" || info.ModTime().After(at)) {
			path, at = filepath.Join(folder, f.Name()), info.ModTime()
		}
	}
	if path == "" {
		return "", fs.ErrNotExist
	}
	return path, nil
}
