package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/httpapi"
	"github.com/seed-b636437c/automation/store/memory"
)

// part is a part of a form.
type part struct {
	name, text string
	file       string // the name of the file, if the part has one
}

// form returns the body of a form, and its header Content-Type.
func form(t *testing.T, parts ...part) (body, header string) {
	t.Helper()
	var b strings.Builder
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		h := textproto.MIMEHeader{}
		disposition := `form-data; name="` + p.name + `"`
		if p.file != "" {
			disposition += `; filename="` + p.file + `"`
			h.Set("Content-Type", "text/csv")
		}
		h.Set("Content-Disposition", disposition)
		field, err := w.CreatePart(h)
		require.NoError(t, err)
		_, err = field.Write([]byte(p.text))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.String(), w.FormDataContentType()
}

// upload imports a file with further parts.
func (a *api) upload(file string, parts ...part) answer {
	a.t.Helper()
	body, header := form(a.t, append([]part{{"file", file, "import.csv"}}, parts...)...)
	return a.call("POST", "/contacts/imports", body, "Content-Type", header)
}

// imported is an import in an answer.
type imported struct {
	Object      string
	ID          string
	Status      string
	CreatedAt   string  `json:"created_at"`
	CompletedAt *string `json:"completed_at"`
	Counts      struct{ Total, Created, Updated, Skipped, Failed int }
	Errors      []struct {
		Line    int
		Message string
	}
	IgnoredColumns []string `json:"ignored_columns"`
}

func (a answer) imported(t *testing.T) (i imported) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(a.body), &i), a.body)
	return i
}

func TestImports_AnswerWithTheReport(t *testing.T) {
	t.Parallel()
	a := setup(t)
	segment := a.must(http.StatusCreated, "POST", "/segments", `{"name": "S1"}`).id(t)
	a.must(http.StatusCreated, "POST", "/contacts", `{"email": "bob@example.com", "first_name": "Robert"}`)
	got := a.upload("Email;First Name;Plan;Seats;Out;VIP;Note\r\nada@example.com;Ada;pro;5;true;yes;x\r\nbob@example.com;Bob\r\ncarl;;;;;\r\n",
		part{name: "column_map", text: `{"email": "Email", "first_name": "First Name", "last_name": null, "unsubscribed": "Out", "properties": {
			"plan": {"column": "Plan"}, "seats": {"column": "Seats", "type": "number"}, "vip": {"column": "VIP", "type": "boolean"}}}`},
		part{name: "on_conflict", text: "upsert"}, part{name: "segments", text: `[{"id": "` + segment + `"}]`}, part{name: "topics", text: "[]"})
	require.Equal(t, http.StatusCreated, got.status, got.body)
	id := got.imported(t).ID
	want := `{"object": "contact_import", "id": "` + id + `", "status": "completed", "created_at": "2026-10-01 12:00:00.000000+00",
		"completed_at": "2026-10-01 12:00:00.000000+00", "counts": {"total": 3, "created": 1, "updated": 1, "skipped": 0, "failed": 1}`
	report := want + `, "errors": [{"line": 4, "message": "email: \"carl\" is not an email address; write name@example.com"}], "ignored_columns": ["Note"]}`
	assert.JSONEq(t, report, got.body)
	assert.JSONEq(t, report, a.must(http.StatusOK, "GET", "/contacts/imports/"+id, "").body)
	assert.JSONEq(t, `{"object": "list", "has_more": false, "data": [`+want+`}]}`, a.must(http.StatusOK, "GET", "/contacts/imports", "").body)

	assert.JSONEq(t, `{"plan": {"type": "string", "value": "pro"}, "seats": {"type": "number", "value": 5}, "vip": {"type": "boolean", "value": true}}`,
		a.propertiesOf("/contacts/ada@example.com"))
	_, members := a.must(http.StatusOK, "GET", "/segments/"+segment+"/contacts", "").page(t)
	assert.Len(t, members, 2)
	bob, err := a.runner.GetContact(t.Context(), automation.ContactRef{Email: "bob@example.com"})
	require.NoError(t, err)
	assert.Equal(t, "Bob", bob.FirstName)
	_, defined := a.must(http.StatusOK, "GET", "/contact-properties", "").page(t)
	assert.Len(t, defined, 2, "a definition cannot be a boolean")
}

func TestImports_TakeThePartsInAnyOrder(t *testing.T) {
	t.Parallel()
	for name, parts := range map[string][]part{
		"file first":      {{"file", "email\nada@example.com\n", "file"}, {"on_conflict", "skip", ""}},
		"file last":       {{"on_conflict", "skip", ""}, {"file", "email\nada@example.com\n", "import.csv"}},
		"file is a text":  {{"file", "email\nada@example.com\n", ""}, {"on_conflict", "skip", ""}},
		"empty parts":     {{"column_map", "", ""}, {"file", "email\nada@example.com\n", ""}, {"on_conflict", "skip", ""}, {"segments", "", ""}},
		"nulls":           {{"column_map", "null", ""}, {"file", "email\nada@example.com\n", ""}, {"on_conflict", "skip", ""}, {"segments", "null", ""}, {"topics", "null", ""}},
		"empty arrays":    {{"column_map", "[]", ""}, {"file", "email\nada@example.com\n", ""}, {"on_conflict", "skip", ""}, {"segments", "[]", ""}, {"topics", "[]", ""}},
		"empty of a map":  {{"column_map", `{"properties": []}`, ""}, {"file", "email\nada@example.com\n", ""}, {"on_conflict", "skip", ""}},
		"nulls of a map":  {{"column_map", `{"email": null, "properties": null}`, ""}, {"file", "email\nada@example.com\n", ""}, {"on_conflict", "skip", ""}},
		"type of a field": {{"column_map", `{"properties": {"x": {"column": "email", "type": null}}}`, ""}, {"file", "email\nada@example.com\n", ""}, {"on_conflict", "skip", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := setup(t)
			body, header := form(t, parts...)
			for _, want := range []string{"1 0", "0 1"} {
				got := a.must(http.StatusCreated, "POST", "/contacts/imports", body, "Content-Type", header).imported(t)
				assert.Equal(t, want, strconv.Itoa(got.Counts.Created)+" "+strconv.Itoa(got.Counts.Skipped))
			}
		})
	}
}

func TestImports_ThatAreInvalidChangeNothing(t *testing.T) {
	t.Parallel()
	good := part{"file", "email\nada@example.com\n", "import.csv"}
	for name, tt := range map[string]struct {
		parts   []part
		name    string
		message string
	}{
		"no file":          {[]part{{"on_conflict", "skip", ""}}, missing, "file: is required"},
		"nothing":          {nil, missing, "file: is required"},
		"two files":        {[]part{good, good}, invalid, "file: is given more than once"},
		"empty file":       {[]part{{"file", "", "x"}}, invalid, "file: is empty: its first line must name the columns"},
		"unknown part":     {[]part{good, {"colum_map", "{}", ""}}, invalid, "colum_map: there is no such field: the fields here are file, column_map, on_conflict, segments"},
		"part twice":       {[]part{good, {"on_conflict", "skip", ""}, {"on_conflict", "upsert", ""}}, invalid, "on_conflict: the object has this key more than once"},
		"not JSON":         {[]part{good, {"column_map", "{", ""}}, invalid, "column_map: is not JSON: "},
		"map: type":        {[]part{good, {"column_map", "7", ""}}, invalid, "column_map: must be an object, not a number"},
		"map: field":       {[]part{good, {"column_map", `{"firstName": "x"}`, ""}}, invalid, "column_map.firstName: there is no such field"},
		"map: properties":  {[]part{good, {"column_map", `{"properties": {"plan": "Plan", "a": {"type": "date"}}}`, ""}}, invalid, "3 problems: column_map.properties.plan: must be an object, not a string; column_map.properties.a.column: is required; column_map.properties.a.type: must be string, number or boolean"},
		"map: key":         {[]part{good, {"column_map", `{"properties": {"a-b": {"column": "email"}}}`, ""}}, invalid, "column_map.properties.a-b: the key must be 1 to 50 letters"},
		"map: no column":   {[]part{good, {"column_map", `{"email": "Email", "properties": {"plan": {"column": "Plan"}}}`, ""}}, invalid, `2 problems: column_map.email: the file has no column "Email": its columns are "email"; column_map.properties.plan.column: `},
		"map: column":      {[]part{good, {"column_map", `{"properties": {"plan": {"column": ""}}}`, ""}}, invalid, `column_map.properties.plan.column: is missing: name a column of the file`},
		"conflict":         {[]part{good, {"on_conflict", "fail", ""}}, invalid, "on_conflict: must be upsert or skip"},
		"segments":         {[]part{good, {"segments", `["s1", {"id": "s2"}]`, ""}}, invalid, `2 problems: segments[0]: there is no segment "s1"; segments[1]: there is no segment "s2"`},
		"topics":           {[]part{good, {"topics", `[{"id": "t", "subscription": "opt_in"}]`, ""}}, invalid, "topics: is not supported: leave it out"},
		"long part":        {[]part{good, {"on_conflict", strings.Repeat("x", 1<<20+1), ""}}, invalid, "on_conflict: is too long: at most 1048576 bytes are allowed"},
		"part not UTF-8":   {[]part{good, {"on_conflict", "\xff", ""}}, invalid, "on_conflict"},
		"UTF-16":           {[]part{{"file", "\xff\xfee\x00", "x"}}, invalid, "file: is UTF-16"},
		"no email column":  {[]part{{"file", "Email\nada@example.com\n", "x"}}, invalid, `column_map.email: the file has no column "email": its columns are "Email"`},
		"a defined number": {[]part{good, {"column_map", `{"properties": {"seats": {"column": "email"}}}`, ""}}, invalid, "column_map.properties.seats.type: is string, and the property is defined as number"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := setup(t)
			a.must(http.StatusCreated, "POST", "/contact-properties", `{"key": "seats", "type": "number"}`)
			before := a.contents()
			body, header := form(t, tt.parts...)
			got := a.call("POST", "/contacts/imports", body, "Content-Type", header)
			require.GreaterOrEqual(t, got.status, 400, got.body)
			require.Less(t, got.status, 500, got.body)
			assert.Equal(t, tt.name, got.failure(t).Name, got.body)
			assert.Contains(t, got.failure(t).Message, tt.message)
			assert.Equal(t, before, a.contents())
			_, imports := a.must(http.StatusOK, "GET", "/contacts/imports", "").page(t)
			assert.Empty(t, imports)
		})
	}
}

func TestImports_NeedAForm(t *testing.T) {
	t.Parallel()
	a := setup(t)
	got := a.must(http.StatusUnprocessableEntity, "POST", "/contacts/imports", `{"file": "email"}`, "Content-Type", "application/json")
	assert.Equal(t, "the body must be multipart/form-data, with the file in the part file", got.failure(t).Message)
	body, header := form(t, part{"file", "email\n" + strings.Repeat("a@example.com\n", 100), "x"})
	for name, broken := range map[string]string{"cut": body[:len(body)-10], "cut in the file": body[:1_000], "no form": "email\n", "empty": ""} {
		got := a.must(http.StatusBadRequest, "POST", "/contacts/imports", broken, "Content-Type", header)
		assert.Equal(t, "the body of the request is not valid multipart/form-data, or ended too early", got.failure(t).Message, name)
	}
}

func TestImports_OfALongFileUseTheDisk(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	left := func() int {
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		return len(entries)
	}
	a := setup(t, func(o *httpapi.Options) { o.MaxBody, o.MaxImport = 1<<10, 100<<10 })
	file := "email\n"
	for i := range 1_000 {
		file += strconv.Itoa(i) + "@example.com\n"
	}
	got := a.upload(file, part{name: "on_conflict", text: "skip"})
	assert.Equal(t, http.StatusCreated, got.status, got.body)
	assert.Equal(t, 1_000, got.imported(t).Counts.Created)
	assert.Zero(t, left())

	got = a.upload(strings.Repeat(file, 10))
	assert.Equal(t, http.StatusRequestEntityTooLarge, got.status)
	assert.Contains(t, got.failure(t).Message, "at most 102400 bytes")
	got = a.upload(file, part{name: "on_conflict", text: "fail"})
	assert.Equal(t, http.StatusUnprocessableEntity, got.status)
	body, header := form(t, part{"file", file, "x"})
	r := httptest.NewRequest("POST", "/contacts/imports", io.MultiReader(strings.NewReader(body[:5_000]), iotest.ErrReader(errors.New("connection reset"))))
	r.Header.Set("Authorization", "Bearer "+fullKey)
	r.Header.Set("Content-Type", header)
	assert.Equal(t, http.StatusBadRequest, a.do(r).status)
	assert.Zero(t, left())

	t.Setenv("TMPDIR", dir+"/gone")
	got = a.upload(file)
	assert.Equal(t, http.StatusInternalServerError, got.status)
	assert.Contains(t, a.log.String(), "keep upload")
}

// slow is a store in which an import waits for a signal, or fails.
type slow struct {
	automation.Store
	insert func(ctx context.Context, c automation.Contact) error
}

func (s slow) InsertContact(ctx context.Context, c automation.Contact) error {
	if err := s.insert(ctx, c); err != nil {
		return err
	}
	return s.Store.InsertContact(ctx, c)
}

func TestImports_AreSeenWhileTheyRun(t *testing.T) {
	t.Parallel()
	began, goOn := make(chan struct{}, 1), make(chan struct{})
	a := setupOn(t, slow{memory.New(), func(context.Context, automation.Contact) error {
		began <- struct{}{}
		<-goOn
		return nil
	}}, automation.Options{})
	done := make(chan answer)
	go func() { done <- a.upload("email\nada@example.com\n") }()
	<-began
	_, running := a.must(http.StatusOK, "GET", "/contacts/imports?status=in_progress,queued", "").page(t)
	require.Len(t, running, 1)
	got := a.must(http.StatusOK, "GET", "/contacts/imports/"+running[0], "").imported(t)
	assert.Equal(t, "in_progress", got.Status)
	assert.Nil(t, got.CompletedAt)
	_, completed := a.must(http.StatusOK, "GET", "/contacts/imports?status=completed", "").page(t)
	assert.Empty(t, completed)
	close(goOn)
	assert.Equal(t, running[0], (<-done).id(t))
}

func TestImports_ThatBreakOffHaveFailed(t *testing.T) {
	t.Parallel()
	a := setupOn(t, slow{memory.New(), func(_ context.Context, c automation.Contact) error {
		if strings.HasPrefix(c.Email, "b") {
			return errors.New("dial tcp: password hunter2")
		}
		return nil
	}}, automation.Options{})
	got := a.upload("email\na@example.com\n" + strings.Repeat("A@example.com\n", 300) + "b@example.com\n")
	assert.Equal(t, http.StatusInternalServerError, got.status)
	assert.NotContains(t, got.body, "hunter2")
	assert.Contains(t, a.log.String(), "hunter2")
	_, failed := a.must(http.StatusOK, "GET", "/contacts/imports?status=failed", "").page(t)
	require.Len(t, failed, 1)
	report := a.must(http.StatusOK, "GET", "/contacts/imports/"+failed[0], "").imported(t)
	assert.Equal(t, 1, report.Counts.Created)
	assert.GreaterOrEqual(t, report.Counts.Updated, 255)
}

func TestImports_EndWithTheirTimeout(t *testing.T) {
	t.Parallel()
	a := setupOn(t, slow{memory.New(), func(ctx context.Context, _ automation.Contact) error {
		<-ctx.Done()
		return ctx.Err()
	}}, automation.Options{}, func(o *httpapi.Options) { o.Timeout, o.ImportTimeout = time.Hour, time.Millisecond })
	got := a.upload("email\na@example.com\n")
	assert.Equal(t, http.StatusInternalServerError, got.status)
	assert.Contains(t, got.failure(t).Message, "the request took too long")
}

func TestImports_NeedContactsInTheStore(t *testing.T) {
	t.Parallel()
	a := setupOn(t, memory.New(), automation.Options{Contacts: hostContacts{}})
	got := a.upload("email\na@example.com\n")
	assert.Equal(t, http.StatusNotImplemented, got.status, got.body)
}

func TestImports_TheLastOnesAreRemembered(t *testing.T) {
	t.Parallel()
	a := setup(t)
	var ids []string
	for range 103 {
		ids = append([]string{a.upload("email\n").id(t)}, ids...)
	}
	more, listed := a.must(http.StatusOK, "GET", "/contacts/imports?limit=100", "").page(t)
	assert.False(t, more)
	assert.Equal(t, ids[:100], listed)
	more, listed = a.must(http.StatusOK, "GET", "/contacts/imports?after="+ids[9], "").page(t)
	assert.True(t, more)
	assert.Equal(t, ids[10:30], listed)
	_, listed = a.must(http.StatusOK, "GET", "/contacts/imports?limit=2&before="+ids[9], "").page(t)
	assert.Equal(t, ids[7:9], listed)
	a.must(http.StatusNotFound, "GET", "/contacts/imports/"+ids[101], "")
	for query, message := range map[string]string{"after=x": `after: there is nothing with the id "x"`, "limit=0": "limit: ", "status=done": `status: "done" is unknown`, "a;b": "malformed"} {
		got := a.must(http.StatusUnprocessableEntity, "GET", "/contacts/imports?"+query, "").failure(t)
		assert.Contains(t, got.Message, message)
	}
}

func TestImports_AreOpenToFullKeysOnly(t *testing.T) {
	t.Parallel()
	a := setup(t)
	body, header := form(t, part{"file", "email\n", "x"})
	a.must(http.StatusUnauthorized, "POST", "/contacts/imports", body, "Content-Type", header, "Authorization", "Bearer "+sendingKey)
	a.must(http.StatusMethodNotAllowed, "DELETE", "/contacts/imports/x", "")
	a.must(http.StatusOK, "HEAD", "//contacts//imports/", "")
	without := setup(t, func(o *httpapi.Options) { o.Contacts = false })
	without.must(http.StatusNotFound, "GET", "/contacts/imports", "")
}
