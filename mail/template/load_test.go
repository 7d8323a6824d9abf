package template_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/template"
)

// folder returns a file system with these files by name.
func folder(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, content := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return fsys
}

func ids(t *testing.T, w *world) []string {
	t.Helper()
	page, err := w.List(automation.PageQuery{})
	require.NoError(t, err)
	list := []string{}
	for _, tt := range page.Data {
		list = append(list, tt.ID)
	}
	return list
}

func TestLoad_ReadsAFolder(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	require.NoError(t, w.Load(folder(map[string]string{
		"welcome.json": `{
			"name": "Welcome", "alias": "hello", "from": "Ada <ada@example.com>", "subject": "Hi {{NAME}}",
			"reply_to": ["a@example.com", "b@example.com"], "text": null,
			"variables": [{"key": "NAME", "type": "string", "fallback_value": "you"}, {"key": "N", "type": "number", "fallback_value": null}]
		}`,
		"welcome.html":         "<p>{{NAME}} {{N}}</p>",
		"billing/receipt.json": `{"name": "Receipt", "subject": "Receipt", "status": "draft"}`,
		"billing/receipt.txt":  "Thanks",
		"inline.json":          `{"name": "Inline", "subject": "S", "html": "<p>in</p>", "text": "in", "reply_to": "r@example.com"}`,
		"README.md":            "about", "images/logo.png": "…", ".git/x.html": "", ".draft.html": "",
	})))
	assert.Equal(t, []string{"welcome", "inline", "billing/receipt"}, ids(t, w))
	got, err := w.Get("hello")
	require.NoError(t, err)
	assert.Equal(t, "welcome", got.ID)
	assert.Equal(t, "a@example.com, b@example.com", got.ReplyTo)
	assert.Equal(t, template.StatusPublished, got.Status)
	assert.Equal(t, []time.Time{start, start, start}, []time.Time{got.CreatedAt, got.UpdatedAt, got.PublishedAt})

	m, err := w.RenderEmail(t.Context(), automation.Email{TemplateID: "hello", To: ada.Email, Variables: map[string]any{"N": 1}})
	require.NoError(t, err)
	assert.Equal(t, "Hi you", m.Subject)
	assert.Equal(t, "<p>you 1</p>", m.HTML)
	assert.Equal(t, "you 1", m.Text)

	draft, err := w.Get("billing/receipt")
	require.NoError(t, err)
	assert.Equal(t, template.StatusDraft, draft.Status)
	assert.True(t, draft.PublishedAt.IsZero())
}

func TestLoad_ReportsEveryProblemOfEveryFile(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	require.NoError(t, w.Load(folder(map[string]string{"kept.json": `{"name": "n", "text": "t"}`})))
	w.create(template.Template{Alias: "made", Text: "x"})
	err := w.Load(folder(map[string]string{
		"a.json":     `{"name": 1, "Name": "n", "html": "h", "html": "h", "variables": [{"key": "A", "type": "string", "x": 1}, 2], "reply_to": [1]}`,
		"array.json": `[]`,
		"b.json":     `{"name": "n"}`,
		"b.html":     "\n{{> x}}",
		"b.txt":      "{{",
		"both.json":  `{"name": "n", "html": "h"}`,
		"both.html":  "h",
		"c.json":     "{\n\"name\": \"n\",\n}",
		"d.json":     `{"name": "n", "text": "t", "alias": "made"}`,
		"e.json":     `{"name": "n", "text": "t"} {}`,
		"empty.json": "",
		"f.json":     `{"name": "n", "text": "{{"}`,
		"list.json":  `{"name": "n", "text": "t", "variables": {}}`,
		"open.json":  `{"a": [1`,
		"stray.html": "x",
		"t.json":     `{"name": "n", "text": "t"}`,
		"utf8.json":  "\xff",
		"x/st.txt":   "x",
		"z.json":     `{"name": "n", "text": "t", "alias": "alias"}`,
		"zz.json":    `{"name": "n", "text": "t", "alias": "alias"}`,
	}))
	assert.Equal(t, []string{
		"duplicate_key a.json: html", "unknown_field a.json: Name", "wrong_type a.json: name", "wrong_type a.json: reply_to",
		"unknown_field a.json: variables[0].x", "wrong_type a.json: variables[1]",
		"wrong_type array.json",
		"invalid_template_tag b.html", "invalid_template_tag b.txt",
		"duplicate_key both.json: html",
		"syntax c.json", "syntax e.json", "syntax empty.json",
		"invalid_template_tag f.json: text",
		"wrong_type list.json: variables", "syntax open.json",
		"stray_template_file stray.html", "syntax utf8.json", "stray_template_file x/st.txt",
		"template_name_taken d.json", "template_name_taken t.json", "template_name_taken zz.json",
	}, problems(t, err))
	assert.ErrorContains(t, err, "b.html: line 2: a template cannot include another")
	assert.ErrorContains(t, err, "c.json: line 3, column 1: ")
	assert.ErrorContains(t, err, "there is no st.json beside it")
	assert.ErrorContains(t, err, "more after the end")
	assert.Equal(t, []string{"t", "kept"}, ids(t, w), "the library is as it was")
}

func TestLoad_AgainReplacesTheFiles(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	files := map[string]string{
		"a.json": `{"name": "n", "subject": "S", "text": "old", "variables": [{"key": "A", "type": "number", "fallback_value": 1}]}`,
		"b.json": `{"name": "n", "subject": "S", "text": "same"}`,
		"c.json": `{"name": "n", "subject": "S", "text": "gone", "alias": "freed"}`,
	}
	require.NoError(t, w.Load(folder(files)))
	w.create(template.Template{Text: "made"})
	w.clock.Add(time.Hour)
	delete(files, "c.json")
	files["a.json"] = `{"name": "n", "subject": "S", "text": "new", "alias": "freed"}`
	files["d.json"] = `{"name": "n", "subject": "S", "text": "more", "status": "draft"}`
	require.NoError(t, w.Load(folder(files)))
	assert.Equal(t, []string{"d", "t", "b", "a"}, ids(t, w))
	later := start.Add(time.Hour)
	for id, want := range map[string][]time.Time{"freed": {start, later, later}, "b": {start, start, start}, "d": {later, later, {}}} {
		got, err := w.Get(id)
		require.NoError(t, err)
		assert.Equal(t, want, []time.Time{got.CreatedAt, got.UpdatedAt, got.PublishedAt}, id)
	}
	m, err := w.RenderEmail(t.Context(), automation.Email{TemplateID: "a", To: ada.Email})
	require.NoError(t, err)
	assert.Equal(t, "new", m.Text)
	_, err = w.Get("c")
	assert.ErrorIs(t, err, automation.ErrNotFound)
}

func TestLoad_TemplatesOfFilesAreChangedThere(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	require.NoError(t, w.Load(folder(map[string]string{"a.json": `{"name": "n", "text": "t"}`})))
	for name, call := range map[string]func() error{
		"update":  func() error { _, err := w.Update("a", template.Change{}); return err },
		"publish": func() error { _, err := w.Publish("a"); return err },
		"delete":  func() error { return w.Delete("a") },
	} {
		err := call()
		require.ErrorIs(t, err, automation.ErrConflict, name)
		assert.ErrorContains(t, err, "comes from a.json", name)
	}
	copied, err := w.Duplicate("a")
	require.NoError(t, err)
	assert.NoError(t, w.Delete(copied.ID), "a copy belongs to the API")
}

func TestLoad_ReadsADirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "sub"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sub", "a.json"), []byte(`{"name": "n"}`), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sub", "a.txt"), []byte("t"), 0o600))
	w := setup(t, template.Options{})
	require.NoError(t, w.Load(os.DirFS(dir)))
	assert.Equal(t, []string{"sub/a"}, ids(t, w))
	assert.ErrorIs(t, w.Load(os.DirFS(filepath.Join(dir, "nope"))), fs.ErrNotExist)
}

// brokenFS lists its files and fails to open one of them.
type brokenFS struct {
	fstest.MapFS
	name string
	err  error
}

func (b brokenFS) Open(name string) (fs.File, error) {
	if name == b.name {
		return nil, b.err
	}
	return b.MapFS.Open(name)
}

func (b brokenFS) ReadFile(name string) ([]byte, error) {
	if name == b.name {
		return nil, b.err
	}
	return b.MapFS.ReadFile(name)
}

func TestLoad_PassesOnErrorsOfTheFileSystem(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk on fire")
	for _, name := range []string{"a.json", "a.html"} {
		files := folder(map[string]string{"a.json": `{"name": "n"}`, "a.html": "h"})
		err := setup(t, template.Options{}).Load(brokenFS{files, name, cause})
		assert.ErrorIs(t, err, cause, name)
	}
}

func TestLoad_PassesOverByteOrderMarks(t *testing.T) {
	t.Parallel()
	const mark = "\xef\xbb\xbf"
	w := setup(t, template.Options{})
	require.NoError(t, w.Load(fstest.MapFS{
		"t.json": {Data: []byte(mark + `{"name": "n", "subject": "s"}`)},
		"t.html": {Data: []byte(mark + "<p>h</p>")},
		"t.txt":  {Data: []byte(mark + "text")},
	}))
	m, err := w.render(automation.Email{})
	require.NoError(t, err)
	assert.Equal(t, []string{"<p>h</p>", "text"}, []string{m.HTML, m.Text})
}
