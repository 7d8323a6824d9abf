package template_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/template"
)

func open(t *testing.T, folder string) *template.Library {
	t.Helper()
	l, err := template.Open(folder, template.Options{From: "shop@example.com"})
	require.NoError(t, err)
	return l
}

// sent renders the published version.
func sent(t *testing.T, l *template.Library, id string, variables map[string]any) string {
	t.Helper()
	m, err := l.Preview(id, template.Sample{Published: true, Variables: variables})
	require.NoError(t, err)
	return m.Text
}

func TestOpen_KeepsTheTemplatesOfCreate(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "templates")
	l := open(t, folder)
	first, err := l.Create(template.Template{
		Name: "First", Alias: "one", Subject: "S", Text: "old {{N}}",
		Variables: []template.Variable{{Key: "N", Type: template.TypeNumber, FallbackValue: 12345678901234567}},
	})
	require.NoError(t, err)
	_, err = l.Publish(first.ID)
	require.NoError(t, err)
	_, err = l.Update("one", template.Change{Text: ptr("new {{N}}"), Alias: ptr("uno")})
	require.NoError(t, err)
	_, err = l.Create(template.Template{ID: "../..", Name: "Second", Subject: "S", Text: "draft"})
	require.NoError(t, err)
	_, err = l.Create(template.Template{ID: "sub/third", Name: "Third", Subject: "S", Text: "third", Status: template.StatusPublished})
	require.NoError(t, err)
	gone, err := l.Create(template.Template{Name: "Gone", Alias: "gone", Subject: "S", Text: "x"})
	require.NoError(t, err)
	require.NoError(t, l.Delete("gone"))
	want, err := l.List(automation.PageQuery{})
	require.NoError(t, err)

	again := open(t, folder)
	got, err := again.List(automation.PageQuery{})
	require.NoError(t, err)
	require.Len(t, got.Data, 3)
	for i := range want.Data {
		assert.Equal(t, want.Data[i].Name, got.Data[i].Name, "the order stays")
		assert.Equal(t, want.Data[i].Status, got.Data[i].Status)
		assert.Equal(t, want.Data[i].CreatedAt, got.Data[i].CreatedAt)
		assert.Equal(t, want.Data[i].PublishedAt, got.Data[i].PublishedAt)
		assert.Equal(t, want.Data[i].HasUnpublishedVersions, got.Data[i].HasUnpublishedVersions)
	}
	assert.Equal(t, "old 12345678901234567", sent(t, again, "uno", nil), "what is published stays")
	assert.Equal(t, "third", sent(t, again, "sub/third", nil))
	_, err = again.Get("one")
	require.ErrorIs(t, err, automation.ErrNotFound)
	_, err = again.Get(gone.ID)
	require.ErrorIs(t, err, automation.ErrNotFound)

	_, err = again.Publish("uno")
	require.NoError(t, err)
	_, err = again.Create(template.Template{Name: "Fourth", Subject: "S", Text: "x"})
	require.NoError(t, err)
	last := open(t, folder)
	assert.Equal(t, "new 7", sent(t, last, "uno", map[string]any{"N": 7}))
	page, err := last.List(automation.PageQuery{Limit: 1})
	require.NoError(t, err)
	assert.Equal(t, "Fourth", page.Data[0].Name)
}

func TestOpen_RemovesIncompleteFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, ".new-123"), []byte(`{"dra`), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "README.md"), []byte(`ours`), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "._a.json"), []byte(`macOS`), 0o600))
	page, err := open(t, folder).List(automation.PageQuery{})
	require.NoError(t, err)
	assert.Empty(t, page.Data)
	assert.NoFileExists(t, filepath.Join(folder, ".new-123"), "it is left from a crash")
	assert.FileExists(t, filepath.Join(folder, "README.md"))
}

func TestOpen_NamesADamagedFile(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no JSON":              `{`,
		"not a template":       `{"number":1,"draft":{"id":"a","name":""}}`,
		"published is damaged": `{"number":1,"draft":{"id":"a","name":"A","status":"draft","text":"x","has_unpublished_versions":true},"published":{"id":"a"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(folder, "a.json"), []byte(text), 0o600))
			_, err := template.Open(folder, template.Options{})
			require.Error(t, err)
		})
	}
	folder := t.TempDir()
	for _, file := range []string{"a.json", "b.json"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, file), []byte(`{"number":1,"draft":{"id":"a","name":"A","status":"draft","text":"x"}}`), 0o600))
	}
	_, err := template.Open(folder, template.Options{})
	assert.ErrorContains(t, err, "two files")
	_, err = template.Open(filepath.Join(folder, "a.json"), template.Options{})
	assert.Error(t, err, "a file is no folder")
	_, err = template.Open(folder, template.Options{From: "nobody"})
	assert.ErrorIs(t, err, automation.ErrInvalid)
}

// A change that cannot be written to disk is not made in memory either.
func TestOpen_MakesNoChangeThatItCannotWrite(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "templates")
	l := open(t, folder)
	a, err := l.Create(template.Template{ID: "a", Name: "A", Subject: "S", Text: "old"})
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(folder))

	_, err = l.Create(template.Template{ID: "b", Name: "B", Subject: "S", Text: "x"})
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = l.Update("a", template.Change{Text: ptr("new"), Alias: ptr("alpha")})
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = l.Publish("a")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorIs(t, l.Delete("a"), os.ErrNotExist)

	page, err := l.List(automation.PageQuery{})
	require.NoError(t, err)
	assert.Equal(t, []template.Template{a}, page.Data)
	_, err = l.Get("alpha")
	assert.ErrorIs(t, err, automation.ErrNotFound)
}

// Some file systems ignore the case of names.
func TestOpen_KeepsEveryIdInAFileOfItsOwn(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	l := open(t, folder)
	ids := []string{"welcome", "Welcome", "WELCOME", "%57elcome", "wEl/come", "grüße", "GRÜSSE", strings.Repeat("ä", 127), strings.Repeat("A", 255)}
	for _, id := range ids {
		_, err := l.Create(template.Template{ID: id, Name: id, Text: id})
		require.NoError(t, err, id)
	}
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	names := map[string]bool{}
	for _, f := range files {
		names[strings.ToLower(f.Name())] = true
	}
	assert.Len(t, names, len(ids))
	again := open(t, folder)
	for _, id := range ids {
		got, err := again.Get(id)
		require.NoError(t, err, id)
		assert.Equal(t, id, got.Text)
		require.NoError(t, again.Delete(id))
	}
	files, err = os.ReadDir(folder)
	require.NoError(t, err)
	assert.Empty(t, files)
}
