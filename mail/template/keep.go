package template

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation/internal/diskfile"
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// Open returns a Library that keeps the templates of Create in files of folder, and that
// reads the templates that were kept there before. Open makes the folder if there is none.
// When a method returns, its change is on the disk. After a crash during a method its
// change is complete or absent. Only one Library at a time may use a folder. The error is
// a *automation.ValidationError for invalid options, and wraps the error of the file
// system otherwise.
//
// The files are the Library's own, one for each template, with its draft and its published
// version. Templates that people write belong in another folder, for Load.
func Open(folder string, opts Options) (*Library, error) {
	l, err := New(opts)
	if err != nil {
		return nil, err
	}
	l.folder = folder
	if err := l.readFolder(); err != nil {
		return nil, fmt.Errorf("template: open: %w", err)
	}
	return l, nil
}

// kept is the content of a template's file.
type kept struct {
	// Number is the index of the template in the order of creation.
	Number int      `json:"number"`
	Draft  Template `json:"draft"`
	// Published is nil if the template was never published.
	Published *Template `json:"published,omitempty"`
}

func (l *Library) readFolder() error {
	if err := os.MkdirAll(l.folder, 0o700); err != nil {
		return err
	}
	files, err := os.ReadDir(l.folder)
	if err != nil {
		return err
	}
	var found []kept
	for _, f := range files {
		path := filepath.Join(l.folder, f.Name())
		if strings.HasPrefix(f.Name(), diskfile.HalfWritten) {
			_ = os.Remove(path) // left by a crash; if removing fails, the next Open tries again
			continue
		}
		if strings.HasPrefix(f.Name(), ".") || filepath.Ext(f.Name()) != ".json" {
			continue // not a file of a Library
		}
		k, err := readKept(path)
		if err != nil {
			return err
		}
		found = append(found, k)
	}
	slices.SortFunc(found, func(a, b kept) int { return cmp.Compare(a.Number, b.Number) })
	for _, k := range found {
		if err := l.restore(k); err != nil {
			return err
		}
	}
	return nil
}

func readKept(path string) (k kept, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return k, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // a fallback keeps its digits
	if err := d.Decode(&k); err != nil {
		return k, fmt.Errorf("%s is damaged: %w", path, err)
	}
	return k, nil
}

// restore puts a kept template into the library.
func (l *Library) restore(k kept) error {
	draft, err := l.compile(&k.Draft)
	if err != nil {
		return err
	}
	e := &entry{template: k.Draft.clone(), draft: draft, number: k.Number}
	switch {
	case k.Published == nil:
	case !k.Draft.HasUnpublishedVersions:
		e.published = draft
	default:
		if e.published, err = l.compile(k.Published); err != nil {
			return err
		}
		e.sent = k.Published
	}
	if name := l.taken(e.template.ID, e.template.Alias, ""); name != "" {
		return fmt.Errorf("template %s: two files have this id or alias", jsondoc.Quote(name))
	}
	l.put(e)
	l.made = max(l.made, e.number)
	return nil
}

// keep writes the file of an entry, if the library has a folder.
func (l *Library) keep(e *entry) error {
	if l.folder == "" {
		return nil
	}
	k := kept{Number: e.number, Draft: e.view()}
	if e.published != nil {
		k.Published = cmp.Or(e.sent, &k.Draft)
	}
	data, err := json.MarshalIndent(k, "", "  ")
	if err == nil {
		err = diskfile.Replace(l.path(e), data)
	}
	if err != nil {
		return fmt.Errorf("template %s: keep: %w", jsondoc.Quote(e.template.ID), err)
	}
	return nil
}

// forget removes the file of an entry.
func (l *Library) forget(e *entry) error {
	if l.folder == "" {
		return nil
	}
	if err := os.Remove(l.path(e)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("template %s: remove: %w", jsondoc.Quote(e.template.ID), err)
	}
	return diskfile.SyncFolder(l.folder)
}

// path returns the file of an entry.
func (l *Library) path(e *entry) string {
	return filepath.Join(l.folder, fileName(e.template.ID)+".json")
}

// maxFileName leaves room for the ending: file systems accept 255 bytes.
const maxFileName = 200

// fileName returns a file name that belongs to one id only, also on a file system that
// ignores case, and that cannot lead to another folder.
func fileName(id string) string {
	var name strings.Builder
	for _, c := range []byte(id) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
			name.WriteByte(c)
		default:
			fmt.Fprintf(&name, "%%%02x", c)
		}
	}
	if name.Len() <= maxFileName {
		return name.String()
	}
	sum := sha256.Sum256([]byte(id))
	return name.String()[:maxFileName/2] + "%" + hex.EncodeToString(sum[:])
}
