package template

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// Load reads all templates of a folder, such as an embed.FS or an os.DirFS, in the
// layout that the package comment describes. Another call replaces the templates that
// came from files by the present content of the folder, so that a host can reload its
// templates while it runs. Templates made by Create stay.
//
// Load takes all files or none: if any file is invalid, the library stays unchanged, and
// the error is a *automation.ValidationError that lists all problems of all files, each
// with the file and the path in the file. An error of the file system is wrapped.
func (l *Library) Load(fsys fs.FS) error {
	f := folder{fsys: fsys, from: l.opts.From}
	if err := f.read(); err != nil {
		return fmt.Errorf("template: load: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	next := l.withoutFiles()
	for _, e := range f.entries {
		next.load(e, l, &f.check)
	}
	if err := f.problems.Err("templates"); err != nil {
		return err
	}
	l.entries, l.aliases, l.made = next.entries, next.aliases, next.made
	return nil
}

// withoutFiles returns a copy of the library with only the templates that Create made. The
// copy needs no lock, because the caller does not share it.
func (l *Library) withoutFiles() *Library {
	next := &Library{opts: l.opts, entries: map[string]*entry{}, aliases: map[string]string{}, made: l.made}
	for _, e := range l.entries {
		if e.file == "" {
			next.put(e)
		}
	}
	return next
}

// load adds a template that was read from a file, in place of the template that old has
// from the same file.
func (l *Library) load(e *entry, old *Library, problems *check) {
	if name := l.taken(e.template.ID, e.template.Alias, ""); name != "" {
		problems.add(CodeTaken, e.file, "another template has %s as its id or alias", jsondoc.Quote(name))
		return
	}
	e.stamp(old.entries[e.template.ID], l.now())
	if e.number > 0 {
		l.put(e)
	} else {
		l.add(e)
	}
}

// stamp sets the times and the number of e. They are those of before, the entry of the
// same file from the last Load, unless the template changed since. before may be nil.
func (e *entry) stamp(before *entry, now time.Time) {
	if before == nil {
		before = &entry{template: Template{CreatedAt: now}}
	}
	e.number = before.number
	same := e.template
	same.CreatedAt, same.UpdatedAt, same.PublishedAt = before.template.CreatedAt, before.template.UpdatedAt, before.template.PublishedAt
	if reflect.DeepEqual(same, before.template) {
		e.template = same
		return
	}
	e.template.CreatedAt, e.template.UpdatedAt = before.template.CreatedAt, now
	if e.published != nil {
		e.template.PublishedAt = now
	}
}

// folder reads the templates of a folder.
type folder struct {
	check
	fsys    fs.FS
	from    string
	entries []*entry
}

// read reads all templates. The error is the file system's.
func (f *folder) read() error {
	names, err := f.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		id := strings.TrimSuffix(name, path.Ext(name))
		switch described := slices.Contains(names, id+".json"); {
		case path.Ext(name) == ".json":
			err = f.template(id, names)
		case !described:
			f.add(CodeStrayFile, name, "there is no %s beside it: write one with at least a name, or remove this file", path.Base(id)+".json")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// names returns the files of templates, in alphabetical order.
func (f *folder) names() ([]string, error) {
	var names []string
	err := fs.WalkDir(f.fsys, ".", func(name string, d fs.DirEntry, err error) error {
		hidden := name != "." && strings.HasPrefix(path.Base(name), ".")
		switch {
		case err != nil:
			return err
		case d.IsDir() && hidden:
			return fs.SkipDir
		case d.IsDir() || hidden:
		case slices.Contains([]string{".json", ".html", ".txt"}, path.Ext(name)):
			names = append(names, name)
		}
		return nil
	})
	return names, err
}

// template reads one template with the text files beside it.
func (f *folder) template(id string, names []string) error {
	file := id + ".json"
	data, err := f.file(file)
	if err != nil {
		return err
	}
	t, problems := parse(data)
	files := map[string]string{} // names of text files, by the field that they hold
	for _, text := range []struct {
		field, ext string
		to         *string
	}{{"html", ".html", &t.HTML}, {"text", ".txt", &t.Text}} {
		name := id + text.ext
		if !slices.Contains(names, name) {
			continue
		}
		content, err := f.file(name)
		if err != nil {
			return err
		}
		if *text.to != "" {
			f.add(automation.CodeDuplicateKey, file+": "+text.field, "is in %s too: keep one of them", path.Base(name))
		}
		*text.to, files[text.field] = string(content), name
	}
	if len(problems) == 0 {
		problems = f.compile(id, t)
	}
	f.problems = append(f.problems, inFiles(problems, file, files)...)
	return nil
}

// file returns the content of a file, without the byte order mark that some editors write.
func (f *folder) file(name string) ([]byte, error) {
	data, err := fs.ReadFile(f.fsys, name)
	return bytes.TrimPrefix(data, []byte("\ufeff")), err
}

// compile compiles a template, and keeps it if it has no problems.
func (f *folder) compile(id string, t Template) automation.Problems {
	t.ID = id
	if t.Status == "" {
		t.Status = StatusPublished
	}
	c, problems := compile(&t, f.from)
	if len(problems) > 0 {
		return problems
	}
	e := &entry{template: t, draft: c, file: id + ".json"}
	if t.Status == StatusPublished {
		e.published = c
	}
	f.entries = append(f.entries, e)
	return nil
}

// inFiles puts the name of the file into the path of each problem.
func inFiles(problems automation.Problems, file string, files map[string]string) automation.Problems {
	for i, p := range problems {
		if name, ok := files[p.Path]; ok {
			problems[i].Path = name
		} else if p.Path == "" {
			problems[i].Path = file
		} else {
			problems[i].Path = file + ": " + p.Path
		}
	}
	return problems
}
