package template_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/template"
)

func TestCreate_KeepsADraft(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{Random: bytes.NewReader(make([]byte, 16))})
	given := template.Template{
		Alias: "hello", Name: "Hello", Subject: "Hi", HTML: "<p>Hi</p>", CreatedAt: start.Add(time.Hour), PublishedAt: start,
		Variables: []template.Variable{{Key: "N", Type: template.TypeNumber, FallbackValue: 1.5}},
	}
	got, err := w.Create(given)
	require.NoError(t, err)
	want := given
	want.ID, want.Status = "00000000-0000-4000-8000-000000000000", template.StatusDraft
	want.CreatedAt, want.UpdatedAt, want.PublishedAt = start, start, time.Time{}
	got.Variables[0].FallbackValue = 1.5 // it is a json.Number after Create
	assert.Equal(t, want, got)
	assert.Equal(t, 1.5, given.Variables[0].FallbackValue, "the caller's is untouched")

	again, err := w.Get("hello")
	require.NoError(t, err)
	assert.Equal(t, want.ID, again.ID)
	assert.NotEqual(t, 1.5, again.Variables[0].FallbackValue, "what Create returned is a copy")
}

func TestCreate_FailsWithoutRandomness(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{Random: bytes.NewReader(nil)})
	_, err := w.Create(template.Template{Name: "n", Text: "t"})
	assert.ErrorContains(t, err, "make an id")
}

func TestCreate_RefusesATakenName(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	w.create(template.Template{Alias: "alias", Text: "x"})
	for name, tt := range map[string]template.Template{
		"id": {ID: "t"}, "id that is an alias": {ID: "alias"}, "alias": {Alias: "alias"}, "alias that is an id": {Alias: "t"},
	} {
		tt.Name, tt.Text = "n", "x"
		_, err := w.Create(tt)
		assert.ErrorIs(t, err, automation.ErrConflict, name)
	}
	other, err := w.Create(template.Template{Name: "n", Text: "x", Alias: "other"})
	require.NoError(t, err)
	_, err = w.Update(other.ID, template.Change{Alias: ptr("alias")})
	require.ErrorIs(t, err, automation.ErrConflict)
	_, err = w.Update(other.ID, template.Change{Alias: ptr("other")})
	require.NoError(t, err, "its own alias is not taken")
	_, err = w.Update(other.ID, template.Change{Alias: ptr("")})
	require.NoError(t, err)
	_, err = w.Get("other")
	assert.ErrorIs(t, err, automation.ErrNotFound)
}

func TestCreate_ReportsAllProblems(t *testing.T) {
	t.Parallel()
	declare := func(vars ...template.Variable) template.Template {
		return template.Template{Name: "n", Text: "t", Variables: vars}
	}
	many := make([]template.Variable, template.MaxVariables+1)
	for i := range many {
		many[i] = template.Variable{Key: "V" + strings.Repeat("x", i%template.MaxNameLength), Type: template.TypeString}
	}
	many[template.MaxVariables].Key, many[template.MaxVariables-1].Key = "A", "B"
	tests := map[string]struct {
		template template.Template
		want     []string
	}{
		"nothing":            {template.Template{}, []string{"missing_field name", "missing_field html"}},
		"status":             {template.Template{Name: "n", Text: "t", Status: "live"}, []string{"invalid_status status"}},
		"subject over lines": {template.Template{Name: "n", Text: "t", Subject: "a\nb"}, []string{"unsafe_header subject"}},
		"from over lines":    {template.Template{Name: "n", Text: "t", From: "{{A}}\n<a@example.com>"}, []string{"unsafe_header from"}},
		"names over lines":   {template.Template{ID: "a\n", Alias: "a\x00", Name: "n\r\n", Text: "t"}, []string{"invalid_name id", "invalid_name alias", "invalid_name name"}},
		"names not UTF-8":    {template.Template{ID: "\xff", Alias: "\xff", Name: "\xff", Text: "t"}, []string{"invalid_name id", "invalid_name alias", "invalid_name name"}},
		"long names":         {template.Template{ID: strings.Repeat("a", 256), Alias: strings.Repeat("a", 256), Name: "n", Text: "t"}, []string{"invalid_name id", "invalid_name alias"}},
		"not UTF-8":          {template.Template{Name: "n", Text: "caf\xe9", HTML: "\xff", Subject: "\xff"}, []string{"unsafe_header subject", "syntax html", "syntax text"}},
		"addresses":          {template.Template{Name: "n", Text: "t", From: "x", ReplyTo: "y"}, []string{"invalid_email from", "invalid_email reply_to"}},
		"tags everywhere": {template.Template{Name: "n", Text: "{{", HTML: "{{>a}}", Subject: "{{=", From: "{{}}", ReplyTo: "{{#a}}"},
			[]string{"invalid_template_tag from", "invalid_template_tag subject", "invalid_template_tag reply_to", "invalid_template_tag html", "invalid_template_tag text"}},
		"too many variables": {template.Template{Name: "n", Text: "t", Variables: many}, []string{"limit_exceeded variables"}},
		"bad names": {declare(template.Variable{Type: "string"}, template.Variable{Key: "a-b", Type: "string"},
			template.Variable{Key: strings.Repeat("a", 51), Type: "string"}, template.Variable{Key: "ä", Type: "string"}),
			[]string{"invalid_template_variable variables[0].key", "invalid_template_variable variables[1].key", "invalid_template_variable variables[2].key", "invalid_template_variable variables[3].key"}},
		"reserved names": {declare(template.Variable{Key: "EMAIL", Type: "string"}, template.Variable{Key: "this", Type: "string"}),
			[]string{"invalid_template_variable variables[0].key", "invalid_template_variable variables[1].key"}},
		"twice":            {declare(template.Variable{Key: "A", Type: "string"}, template.Variable{Key: "A", Type: "string"}), []string{"invalid_template_variable variables[1].key"}},
		"unknown type":     {declare(template.Variable{Key: "A", Type: "list"}, template.Variable{Key: "B"}), []string{"wrong_type variables[0].type", "wrong_type variables[1].type"}},
		"fallback's type":  {declare(template.Variable{Key: "A", Type: "number", FallbackValue: "1"}), []string{"wrong_type variables[0].fallback_value"}},
		"fallback's form":  {declare(template.Variable{Key: "A", Type: "string", FallbackValue: []any{}}), []string{"wrong_type variables[0].fallback_value"}},
		"fallback's size":  {declare(template.Variable{Key: "A", Type: "string", FallbackValue: strings.Repeat("a", 2001)}), []string{"limit_exceeded variables[0].fallback_value"}},
		"number too large": {declare(template.Variable{Key: "A", Type: "number", FallbackValue: "NaN"}), []string{"wrong_type variables[0].fallback_value"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, template.Options{})
			_, err := w.Create(test.template)
			assert.Equal(t, test.want, problems(t, err))
			page, err := w.List(automation.PageQuery{})
			require.NoError(t, err)
			assert.Empty(t, page.Data)
		})
	}
	_, err := setup(t, template.Options{}).Create(template.Template{Name: "n", Text: "t", Variables: many[:template.MaxVariables]})
	assert.NoError(t, err, "the limit is allowed")
}

func TestUpdate_ChangesTheDraftUntilItIsPublished(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	w.create(template.Template{Text: "old"})
	w.clock.Add(time.Hour)
	got, err := w.Update("t", template.Change{
		Name: ptr("New"), Text: ptr("new {{A}}"), Variables: &[]template.Variable{{Key: "A", Type: template.TypeString, FallbackValue: "a"}},
	})
	require.NoError(t, err)
	assert.Equal(t, "New", got.Name)
	assert.Equal(t, "Subject", got.Subject, "what the change does not name stays")
	assert.Equal(t, template.StatusPublished, got.Status)
	assert.True(t, got.HasUnpublishedVersions)
	assert.Equal(t, []time.Time{start, start.Add(time.Hour), start}, []time.Time{got.CreatedAt, got.UpdatedAt, got.PublishedAt})
	m, err := w.render(automation.Email{})
	require.NoError(t, err)
	assert.Equal(t, "old", m.Text)
	info, err := w.InspectTemplate(t.Context(), "t")
	require.NoError(t, err)
	assert.Empty(t, info.Variables, "the published one has none")

	w.clock.Add(time.Hour)
	for range 2 {
		got, err = w.Publish("t")
		require.NoError(t, err)
		assert.False(t, got.HasUnpublishedVersions)
		assert.Equal(t, start.Add(2*time.Hour), got.PublishedAt, "publishing twice changes nothing")
		w.clock.Add(time.Hour)
	}
	m, err = w.render(automation.Email{})
	require.NoError(t, err)
	assert.Equal(t, "new a", m.Text)
}

func TestUpdate_RefusesInvalidChanges(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	w.create(template.Template{Text: "old"})
	_, err := w.Update("t", template.Change{Text: ptr("{{")})
	assert.Equal(t, []string{"invalid_template_tag text"}, problems(t, err))
	got, err := w.Get("t")
	require.NoError(t, err)
	assert.Equal(t, "old", got.Text)
	assert.False(t, got.HasUnpublishedVersions)
}

func TestDelete_RemovesIdAndAlias(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	w.create(template.Template{Alias: "alias", Text: "x"})
	require.NoError(t, w.Delete("alias"))
	for _, name := range []string{"t", "alias"} {
		_, err := w.Get(name)
		require.ErrorIs(t, err, automation.ErrNotFound)
	}
	w.create(template.Template{Alias: "alias", Text: "x"})
}

func TestDuplicate_IsADraft(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	w.create(template.Template{Alias: "alias", Name: "Hello", Text: "x"})
	got, err := w.Duplicate("alias")
	require.NoError(t, err)
	assert.Equal(t, "Hello (Copy)", got.Name)
	assert.Equal(t, "x", got.Text)
	assert.Empty(t, got.Alias)
	assert.Equal(t, template.StatusDraft, got.Status)
	assert.True(t, got.PublishedAt.IsZero())
	assert.NotEqual(t, "t", got.ID)
}

func TestLibrary_NamesTheMissingTemplate(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	for name, call := range map[string]func() error{
		"get":       func() error { _, err := w.Get("x"); return err },
		"update":    func() error { _, err := w.Update("x", template.Change{}); return err },
		"publish":   func() error { _, err := w.Publish("x"); return err },
		"duplicate": func() error { _, err := w.Duplicate("x"); return err },
		"delete":    func() error { return w.Delete("x") },
		"needs":     func() error { _, err := w.Needs("x"); return err },
		"inspect":   func() error { _, err := w.InspectTemplate(t.Context(), "x"); return err },
		"list":      func() error { _, err := w.List(automation.PageQuery{After: "x"}); return err },
	} {
		err := call()
		require.ErrorIs(t, err, automation.ErrNotFound, name)
		assert.ErrorContains(t, err, `template "x"`, name)
	}
}

func TestList_PagesNewestFirst(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		_, err := w.Create(template.Template{ID: id, Name: id, Text: "x"})
		require.NoError(t, err)
	}
	_, err := w.Update("a", template.Change{Text: ptr("y")})
	require.NoError(t, err)
	tests := map[string]struct {
		query automation.PageQuery
		want  string
		more  bool
	}{
		"all":         {automation.PageQuery{}, "edcba", false},
		"first page":  {automation.PageQuery{Limit: 2}, "ed", true},
		"second page": {automation.PageQuery{Limit: 2, After: "d"}, "cb", true},
		"last page":   {automation.PageQuery{Limit: 2, After: "b"}, "a", false},
		"exactly all": {automation.PageQuery{Limit: 5}, "edcba", false},
		"back":        {automation.PageQuery{Limit: 2, Before: "b"}, "dc", true},
		"back at end": {automation.PageQuery{Limit: 2, Before: "d"}, "e", false},
	}
	for name, test := range tests {
		page, err := w.List(test.query)
		require.NoError(t, err, name)
		ids := ""
		for _, tt := range page.Data {
			ids += tt.ID
		}
		assert.Equal(t, test.want, ids, name)
		assert.Equal(t, test.more, page.HasMore, name)
	}
	_, err = w.List(automation.PageQuery{Limit: 101, After: "a", Before: "b"})
	assert.Equal(t, []string{"limit_exceeded limit", "invalid_cursor before"}, problems(t, err))
}

func TestNeeds_ListsTheVariablesOfATemplate(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	covered := template.Variable{Key: "COVERED", Type: template.TypeString}
	fallback := template.Variable{Key: "FALLBACK", Type: template.TypeBoolean, FallbackValue: true}
	unused := template.Variable{Key: "UNUSED", Type: template.TypeNumber}
	_, err := w.Create(template.Template{
		ID: "t", Name: "n", Subject: "{{IMPLICIT}} {{FIRST_NAME}}", HTML: "{{COVERED|x}}{{OPTIONAL|x}}{{contact.id}}{{#FALLBACK}}{{/FALLBACK}}",
		Variables: []template.Variable{covered, fallback, unused},
	})
	require.NoError(t, err)
	needs, err := w.Needs("t")
	require.NoError(t, err)
	assert.Equal(t, []template.Need{
		{Variable: covered, Declared: true},
		{Variable: fallback, Declared: true},
		{Variable: unused, Declared: true, Required: true},
		{Variable: template.Variable{Key: "IMPLICIT"}, Required: true},
		{Variable: template.Variable{Key: "OPTIONAL"}},
	}, needs)
	info, err := w.InspectTemplate(t.Context(), "t")
	require.NoError(t, err)
	assert.Equal(t, automation.TemplateInfo{
		Variables: []string{"COVERED", "FALLBACK", "UNUSED", "IMPLICIT", "OPTIONAL"},
		Required:  []string{"UNUSED"}, RequiredByHeader: []string{"IMPLICIT"},
	}, info)
	_, err = w.Publish("t")
	require.NoError(t, err)
	info, err = w.InspectTemplate(t.Context(), "t")
	require.NoError(t, err)
	assert.True(t, info.Published)
}

func TestCreate_RefusesIDsThatNoURLCanContain(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	for _, id := range []string{".", ".."} {
		for path, given := range map[string]template.Template{"id": {ID: id}, "alias": {Alias: id}} {
			given.Name, given.Subject, given.HTML = id, "Hi", "<p>Hi</p>"
			_, err := w.Create(given)
			require.ErrorIs(t, err, automation.ErrInvalid)
			require.ErrorContains(t, err, path+": must not be . or .., because no URL can contain it: choose another")
		}
	}
	_, err := w.Create(template.Template{ID: "...", Name: "..", Subject: "Hi", HTML: "<p>Hi</p>"})
	require.NoError(t, err)
}

func TestUnknownTemplate_IsSuggestedByItsIDOrAlias(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	_, err := w.Create(template.Template{ID: "receipt", Alias: "order-receipt", Name: "Receipt", Subject: "Hi", From: "Shop <hello@example.com>", HTML: "<p>Hi</p>"})
	require.NoError(t, err)
	for name, want := range map[string]string{
		"reciept":       `template "reciept": not found: did you mean "receipt"?`,
		"order_reciept": `template "order_reciept": not found: did you mean "order-receipt"?`,
		"welcome":       `template "welcome": not found`,
	} {
		_, err := w.InspectTemplate(t.Context(), name)
		require.ErrorIs(t, err, automation.ErrNotFound)
		require.EqualError(t, err, want)
		_, err = w.RenderEmail(t.Context(), automation.Email{To: "ada@example.com", TemplateID: name})
		assert.ErrorContains(t, err, want)
	}
}

// What InspectTemplate describes as required is what an email fails without.
func TestInspectTemplate_RequiresWhatRenderingNeeds(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{From: "Shop <hello@example.com>"})
	_, err := w.Create(template.Template{
		ID: "t", Name: "n", Status: template.StatusPublished, Subject: "{{SUBJECT}} {{BOTH}} {{COVERED}} {{DECLARED}}", ReplyTo: "{{REPLY}}@example.com",
		HTML:      "{{BODY}} {{BOTH}} {{COVERED|x}} {{DECLARED|x}} {{FALLBACK}}",
		Variables: []template.Variable{{Key: "FALLBACK", Type: template.TypeString, FallbackValue: "x"}, {Key: "DECLARED", Type: template.TypeString}},
	})
	require.NoError(t, err)
	info, err := w.InspectTemplate(t.Context(), "t")
	require.NoError(t, err)
	for _, step := range []automation.Email{{}, {Subject: "Hi"}, {ReplyTo: "a@example.com"}, {Subject: "Hi", ReplyTo: "a@example.com", From: "a@example.com"}} {
		needed := slices.Clone(info.Required)
		if step.Subject == "" && step.ReplyTo == "" {
			needed = append(needed, info.RequiredByHeader...)
		}
		step.To, step.TemplateID, step.Variables = "ada@example.com", "t", map[string]any{}
		for _, name := range info.Variables {
			step.Variables[name] = "x"
		}
		_, err := w.RenderEmail(t.Context(), step)
		require.NoError(t, err)
		for _, name := range needed {
			step.Variables[name] = nil
			_, err := w.RenderEmail(t.Context(), step)
			assert.Equal(t, []string{"missing_field variables." + name}, problems(t, err))
			step.Variables[name] = "x"
		}
	}
	assert.Equal(t, []string{"BODY", "BOTH"}, slices.Sorted(slices.Values(info.Required)))
	assert.Equal(t, []string{"COVERED", "DECLARED", "REPLY", "SUBJECT"}, slices.Sorted(slices.Values(info.RequiredByHeader)))
}

func TestNew_ReportsAllInvalidOptions(t *testing.T) {
	t.Parallel()
	_, err := template.New(template.Options{Clock: (*clock.Mock)(nil), Random: (*bytes.Buffer)(nil), From: "nobody {{"})
	assert.Equal(t, []string{"invalid_option Clock", "invalid_option Random", "invalid_option From"}, problems(t, err))
	_, err = template.New(template.Options{From: "nobody"})
	assert.Equal(t, []string{"invalid_option From"}, problems(t, err))
}
