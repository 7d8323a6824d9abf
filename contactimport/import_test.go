package contactimport_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/contactimport"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

func newRunner(t testing.TB, store automation.Store) *automation.Runner {
	t.Helper()
	r, err := automation.New(store, capture.New(), automation.Options{})
	require.NoError(t, err)
	return r
}

// contact returns a contact without its id and its time.
func contact(t testing.TB, r *automation.Runner, email string) automation.Contact {
	t.Helper()
	c, err := r.GetContact(t.Context(), automation.ContactRef{Email: email})
	require.NoError(t, err)
	return automation.Contact{
		Email: c.Email, FirstName: c.FirstName, LastName: c.LastName, Unsubscribed: c.Unsubscribed, Properties: c.Properties, Segments: c.Segments,
	}
}

// all are columns of every kind.
var all = contactimport.Columns{
	Email: "E-mail", FirstName: "First", LastName: "Last", Unsubscribed: "Out",
	Properties: map[string]contactimport.Property{
		"plan": {Column: "Plan"}, "seats": {Column: "Seats", Type: contactimport.TypeNumber}, "vip": {Column: "VIP", Type: contactimport.TypeBoolean},
	},
}

func TestRun_CreatesContacts(t *testing.T) {
	t.Parallel()
	r := newRunner(t, memory.New())
	report, err := contactimport.Run(t.Context(), r, strings.NewReader("\ufeffPlan;E-mail;First;Last;Note;Out;Seats;VIP\r\n"+
		"pro;ada@example.com; Ada ;\"Love;lace\";\"two\r\nlines\";YES;12345678901234567890;no\r\n"+
		";bob@example.com\r\n"), contactimport.Options{Columns: all, Segments: []string{"s1", "s2", "s1"}})
	require.NoError(t, err)
	assert.Equal(t, contactimport.Report{Counts: contactimport.Counts{Total: 2, Created: 2}, Ignored: []string{"Note"}}, report)
	assert.Equal(t, automation.Contact{
		Email: "ada@example.com", FirstName: "Ada", LastName: "Love;lace", Unsubscribed: true,
		Properties: map[string]any{"plan": "pro", "seats": json.Number("12345678901234567890"), "vip": false}, Segments: []string{"s1", "s2"},
	}, contact(t, r, "ada@example.com"))
	assert.Equal(t, automation.Contact{Email: "bob@example.com", Segments: []string{"s1", "s2"}}, contact(t, r, "bob@example.com"))
	_, err = r.GetContactProperty(t.Context(), "plan")
	require.ErrorIs(t, err, automation.ErrNotFound)
}

func TestRun_UpdatesOrSkipsContacts(t *testing.T) {
	t.Parallel()
	ada := automation.Contact{
		Email: "Ada@example.com", FirstName: "Ada", LastName: "Lovelace", Unsubscribed: true,
		Properties: map[string]any{"plan": "free", "age": 36}, Segments: []string{"s0"},
	}
	changed := ada
	changed.LastName, changed.Properties, changed.Segments = "King", map[string]any{"plan": "pro", "age": 36}, []string{"s0", "s1"}
	for conflict, tt := range map[contactimport.Conflict]struct {
		counts contactimport.Counts
		want   automation.Contact
	}{
		contactimport.Update: {contactimport.Counts{Total: 3, Created: 1, Updated: 2}, changed},
		contactimport.Skip:   {contactimport.Counts{Total: 3, Created: 1, Skipped: 2}, ada},
		"":                   {contactimport.Counts{Total: 3, Created: 1, Updated: 2}, changed},
	} {
		t.Run(string(conflict), func(t *testing.T) {
			t.Parallel()
			r := newRunner(t, memory.New())
			_, err := r.CreateContact(t.Context(), ada)
			require.NoError(t, err)
			report, err := contactimport.Run(t.Context(), r, strings.NewReader("E-mail,First,Last,Out,Plan,Seats,VIP\n"+
				"ada@EXAMPLE.com,,King,,pro,,\n"+
				"bob@example.com,Bob,,,,,\n"+
				"BOB@example.com,Robert,,,,,\n"), contactimport.Options{Columns: all, OnConflict: conflict, Segments: []string{"s1"}})
			require.NoError(t, err)
			assert.Equal(t, tt.counts, report.Counts)
			assert.Equal(t, tt.want, contact(t, r, "ada@example.com"))
			bob := contact(t, r, "bob@example.com")
			assert.Equal(t, map[bool]string{true: "Bob", false: "Robert"}[conflict == contactimport.Skip], bob.FirstName, "lines with one email are written in turn")
		})
	}
}

func TestRun_SubscribesOnlyWhereTheFileSaysSo(t *testing.T) {
	t.Parallel()
	r := newRunner(t, memory.New())
	for _, email := range []string{"a@example.com", "b@example.com", "c@example.com"} {
		_, err := r.CreateContact(t.Context(), automation.Contact{Email: email, Unsubscribed: email != "c@example.com"})
		require.NoError(t, err)
	}
	_, err := contactimport.Run(t.Context(), r, strings.NewReader("email,out\na@example.com,\nb@example.com,false\nc@example.com,1\n"),
		contactimport.Options{Columns: contactimport.Columns{Unsubscribed: "out"}})
	require.NoError(t, err)
	assert.True(t, contact(t, r, "a@example.com").Unsubscribed)
	assert.False(t, contact(t, r, "b@example.com").Unsubscribed)
	assert.True(t, contact(t, r, "c@example.com").Unsubscribed)
}

func TestRun_WithoutColumnsTakesThoseWithTheirOwnNames(t *testing.T) {
	t.Parallel()
	r := newRunner(t, memory.New())
	report, err := contactimport.Run(t.Context(), r, strings.NewReader("last_name,email,unsubscribed,First_Name\nLovelace,ada@example.com,true,Ada\n"), contactimport.Options{})
	require.NoError(t, err)
	assert.Equal(t, []string{"unsubscribed", "First_Name"}, report.Ignored)
	assert.Equal(t, automation.Contact{Email: "ada@example.com", LastName: "Lovelace"}, contact(t, r, "ada@example.com"))
}

func TestRun_ReportsWrongLinesAndGoesOn(t *testing.T) {
	t.Parallel()
	r := newRunner(t, memory.New())
	_, err := r.CreateContactProperty(t.Context(), automation.ContactProperty{Key: "plan", Type: automation.PropertyString})
	require.NoError(t, err)
	report, err := contactimport.Run(t.Context(), r, strings.NewReader(strings.Join([]string{
		"E-mail,First,Last,Out,Plan,Seats,VIP",
		",Ada,,,,,",
		"ada,\"a\nb\",,,,,",
		"ada@example.com,,,maybe,,5 seats,perhaps",
		"ada@example.com,a,b,c,d,e,f,g",
		"b\xe4r@example.com,,,,,,",
		"ada@example.com,b\xe4r,,,,,",
		"ada@example.com,\"Ada,,,,,",
		"ada@example.com,\"A\"da,,,,,",
		"ada@example.com,A\x00,,,,,",
		"a\x00@example.com,,,,,,",
		"bob@example.com,Bob,,,,,",
	}, "\n")), contactimport.Options{Columns: all})
	require.NoError(t, err)
	var got []string
	for _, e := range report.Errors {
		got = append(got, e.Error())
		assert.ErrorIs(t, e, automation.ErrInvalid)
	}
	assert.Equal(t, []string{
		"line 2: email: is missing",
		`line 3: email: "ada" is not an email address; write name@example.com; first_name: must not contain line breaks`,
		`line 5: unsubscribed: "maybe" is neither true nor false; properties.seats: "5 seats" is not a number: write digits, and a point before decimals; properties.vip: "perhaps" is neither true nor false`,
		"line 6: the line has 8 cells, and the first line has 7: is a separator inside of a cell, without quotes?",
		`line 7: email: "b\xe4r@example.com" is not an email address; write name@example.com`,
		"line 8: first_name: is not valid UTF-8",
		"line 9: there is text after the quote at the end of a cell: a quote inside of a cell must be doubled",
		"line 10: there is text after the quote at the end of a cell: a quote inside of a cell must be doubled",
		"line 11: first_name: contains a zero byte, which databases refuse",
		`line 12: email: "a\x00@example.com" is not an email address; write name@example.com`,
	}, got)
	assert.Equal(t, contactimport.Counts{Total: 11, Created: 1, Failed: 10}, report.Counts)
	page, err := r.ListContacts(t.Context(), automation.ContactQuery{})
	require.NoError(t, err)
	assert.Len(t, page.Data, 1)
}

func TestRun_ListsAFewErrors(t *testing.T) {
	t.Parallel()
	file := "email\n" + strings.Repeat("x\n", 1_000)
	for most, want := range map[int]int{0: 100, 3: 3, 2_000: 1_000} {
		report, err := contactimport.Run(t.Context(), newRunner(t, memory.New()), strings.NewReader(file), contactimport.Options{MaxErrors: most})
		require.NoError(t, err)
		assert.Equal(t, contactimport.Counts{Total: 1_000, Failed: 1_000}, report.Counts)
		require.Len(t, report.Errors, want)
		for i, e := range report.Errors {
			assert.Equal(t, i+2, e.Line, "in the order of the file")
		}
	}
}

func TestRun_RefusesBeforeItChangesAnything(t *testing.T) {
	t.Parallel()
	header := "E-mail,First,Last,Out,Plan,Seats,VIP\nada@example.com,,,,,,\n"
	for name, tt := range map[string]struct {
		file    string
		opts    contactimport.Options
		message string
	}{
		"no file":       {"", contactimport.Options{}, "file: is empty: its first line must name the columns"},
		"blank file":    {"\n , \n", contactimport.Options{}, "file: is empty"},
		"UTF-16":        {"\xff\xfee\x00", contactimport.Options{}, "file: is UTF-16: save it as CSV in UTF-8"},
		"broken header": {"\"email\"x\n", contactimport.Options{}, "file: the first line: there is text after the quote"},
		"long header":   {strings.Repeat("x", 100) + "\n", contactimport.Options{MaxLine: 10}, "file: the first line: the line is longer than 10 bytes"},
		"no email":      {"Email,Name\n", contactimport.Options{}, `columns.email: the file has no column "email": its columns are "Email", "Name"`},
		"many columns":  {strings.Repeat("x,", 24) + "y\n", contactimport.Options{}, `"x", "x", 5 more`},
		"twice":         {"email,email\n", contactimport.Options{}, `columns.email: the file has more than one column "email"`},
		"no columns": {"E-mail\n", contactimport.Options{Columns: all}, `6 problems: columns.first_name: the file has no column "First": its columns are "E-mail"; columns.last_name: ` +
			`the file has no column "Last": its columns are "E-mail"; columns.unsubscribed: `},
		"no column name": {header, contactimport.Options{Columns: contactimport.Columns{Properties: map[string]contactimport.Property{"a.b": {}}}}, `columns.properties["a.b"].column: is missing: name a column of the file`},
		"type":           {header, contactimport.Options{Columns: contactimport.Columns{Properties: map[string]contactimport.Property{"a": {Column: "Plan", Type: "date"}}}}, "columns.properties.a.type: must be string, number or boolean"},
		"options": {header, contactimport.Options{OnConflict: "fail", Separator: '|', MaxLine: -1, MaxErrors: -1, Concurrency: -1},
			"5 problems: on_conflict: must be upsert or skip; separator: must be a comma, a semicolon or a tab; max_line: "},
		"defined type": {header, contactimport.Options{Columns: contactimport.Columns{Email: "E-mail", Properties: map[string]contactimport.Property{
			"tier": {Column: "Plan", Type: contactimport.TypeNumber}, "seats": {Column: "Seats", Type: contactimport.TypeBoolean},
		}}, DefineProperties: true}, "2 problems: columns.properties.seats.type: is boolean, and the property is defined as number; columns.properties.tier.type: is number, and the property is defined as string"},
		"key": {header, contactimport.Options{Columns: contactimport.Columns{Email: "E-mail", Properties: map[string]contactimport.Property{"a-b": {Column: "Plan"}}}, DefineProperties: true},
			`columns.properties.a-b: the key must be 1 to 50 letters`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRunner(t, memory.New())
			for key, kind := range map[string]automation.PropertyType{"tier": automation.PropertyString, "seats": automation.PropertyNumber} {
				_, err := r.CreateContactProperty(t.Context(), automation.ContactProperty{Key: key, Type: kind})
				require.NoError(t, err)
			}
			report, err := contactimport.Run(t.Context(), r, strings.NewReader(tt.file), tt.opts)
			require.ErrorIs(t, err, automation.ErrInvalid)
			assert.ErrorContains(t, err, tt.message)
			assert.Equal(t, contactimport.Report{}, report)
			page, err := r.ListContacts(t.Context(), automation.ContactQuery{})
			require.NoError(t, err)
			assert.Empty(t, page.Data)
		})
	}
}

func TestRun_DefinesProperties(t *testing.T) {
	t.Parallel()
	r := newRunner(t, memory.New())
	_, err := r.CreateContactProperty(t.Context(), automation.ContactProperty{Key: "plan", Type: automation.PropertyString, Fallback: "free"})
	require.NoError(t, err)
	_, err = contactimport.Run(t.Context(), r, strings.NewReader("E-mail,First,Last,Out,Plan,Seats,VIP\n"), contactimport.Options{Columns: all, DefineProperties: true})
	require.NoError(t, err)
	page, err := r.ListContactProperties(t.Context(), automation.PageQuery{})
	require.NoError(t, err)
	var got []string
	for _, p := range page.Data {
		got = append(got, fmt.Sprint(p.Key, " ", p.Type, " ", p.Fallback))
	}
	assert.Equal(t, []string{"seats number <nil>", "plan string free"}, got, "a definition cannot be a boolean")
}

// stubborn fails where a function is set.
type stubborn struct {
	*automation.Runner
	create func(c automation.Contact) error
	find   func(ref automation.ContactRef) error
	define func(key string) error
}

func (s stubborn) CreateContact(ctx context.Context, c automation.Contact) (automation.Contact, error) {
	if s.create != nil {
		if err := s.create(c); err != nil {
			return automation.Contact{}, err
		}
	}
	return s.Runner.CreateContact(ctx, c)
}

func (s stubborn) GetContact(ctx context.Context, ref automation.ContactRef) (automation.Contact, error) {
	if s.find != nil {
		if err := s.find(ref); err != nil {
			return automation.Contact{}, err
		}
	}
	return s.Runner.GetContact(ctx, ref)
}

func (s stubborn) CreateContactProperty(ctx context.Context, p automation.ContactProperty) (automation.ContactProperty, error) {
	if s.define != nil {
		return automation.ContactProperty{}, s.define(p.Key)
	}
	return s.Runner.CreateContactProperty(ctx, p)
}

// lines is a file with n contacts.
func lines(n int) string {
	var b strings.Builder
	b.WriteString("email,first_name\n")
	for i := range n {
		fmt.Fprintf(&b, "%d@example.com,%d\n", i, i)
	}
	return b.String()
}

func TestRun_BreaksOffWhenTheStoreFails(t *testing.T) {
	t.Parallel()
	down := errors.New("connection refused")
	r := stubborn{Runner: newRunner(t, memory.New()), create: func(c automation.Contact) error {
		if c.Email == "300@example.com" {
			return down
		}
		return nil
	}}
	report, err := contactimport.Run(t.Context(), r, strings.NewReader(lines(1_000)), contactimport.Options{Concurrency: 4})
	require.ErrorIs(t, err, down)
	assert.ErrorContains(t, err, "contactimport: line 302: connection refused")
	assert.GreaterOrEqual(t, report.Created, 256)
	assert.Less(t, report.Total, 320)
	assert.Equal(t, contactimport.Counts{Total: report.Total, Created: report.Total}, report.Counts)

	report, err = contactimport.Run(t.Context(), r.Runner, strings.NewReader(lines(1_000)), contactimport.Options{})
	require.NoError(t, err)
	assert.Equal(t, 1_000, report.Total)
	assert.Zero(t, report.Failed, "it can be repeated")
}

func TestRun_BreaksOffAtAPanicOfTheStore(t *testing.T) {
	t.Parallel()
	r := stubborn{Runner: newRunner(t, memory.New()), create: func(c automation.Contact) error { panic("out of cheese") }}
	report, err := contactimport.Run(t.Context(), r, strings.NewReader(lines(10)), contactimport.Options{})
	require.ErrorContains(t, err, "contactimport: panic: out of cheese\n")
	assert.Zero(t, report.Total)
}

func TestRun_BreaksOffWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var last contactimport.Counts
	report, err := contactimport.Run(ctx, newRunner(t, memory.New()), strings.NewReader(lines(1_000)), contactimport.Options{Progress: func(c contactimport.Counts) {
		last = c
		cancel()
	}})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, contactimport.Counts{Total: 256, Created: 256}, report.Counts)
	assert.Equal(t, report.Counts, last)
}

func TestRun_ImportsWhatCameBeforeAnErrorOfTheFile(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	file := io.MultiReader(strings.NewReader(lines(10_000)), iotest.ErrReader(broken))
	report, err := contactimport.Run(t.Context(), newRunner(t, memory.New()), file, contactimport.Options{})
	require.ErrorIs(t, err, broken)
	assert.Equal(t, contactimport.Counts{Total: 10_000, Created: 10_000}, report.Counts)
}

func TestRun_ContactsThatComeAndGo(t *testing.T) {
	t.Parallel()
	gone := fmt.Errorf("contact: %w", automation.ErrNotFound)
	for name, tt := range map[string]struct {
		times int32 // how often the contact is gone when it is looked for
		want  contactimport.Counts
	}{
		"twice":  {2, contactimport.Counts{Total: 1, Updated: 1}},
		"always": {100, contactimport.Counts{Total: 1, Failed: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var n atomic.Int32
			r := stubborn{Runner: newRunner(t, memory.New()), find: func(automation.ContactRef) error {
				if n.Add(1) <= tt.times {
					return gone
				}
				return nil
			}}
			_, err := r.CreateContact(t.Context(), automation.Contact{Email: "ada@example.com"})
			require.NoError(t, err)
			report, err := contactimport.Run(t.Context(), r, strings.NewReader("email\nada@example.com\n"), contactimport.Options{})
			require.NoError(t, err)
			assert.Equal(t, tt.want, report.Counts)
		})
	}
}

func TestRun_ADefinitionOfAnotherProcessIsNoError(t *testing.T) {
	t.Parallel()
	for want, err := range map[error]error{nil: fmt.Errorf("taken: %w", automation.ErrConflict), io.ErrClosedPipe: io.ErrClosedPipe} {
		r := stubborn{Runner: newRunner(t, memory.New()), define: func(string) error { return err }}
		_, err := contactimport.Run(t.Context(), r, strings.NewReader("email,Plan\n"), contactimport.Options{
			Columns: contactimport.Columns{Properties: map[string]contactimport.Property{"plan": {Column: "Plan"}}}, DefineProperties: true,
		})
		assert.ErrorIs(t, err, want)
	}
}

// directory is a contact directory with one contact.
type directory struct{ automation.ContactDirectory }

func (directory) FindContact(_ context.Context, ref automation.ContactRef) (automation.Contact, error) {
	if ref.Email != "ada@example.com" {
		return automation.Contact{}, automation.ErrNotFound
	}
	return automation.Contact{ID: "ada", Email: ref.Email}, nil
}

func (directory) UpdateContact(_ context.Context, id string, _ automation.ContactChange) (automation.Contact, error) {
	return automation.Contact{ID: id, Email: "ada@example.com"}, nil
}

func TestRun_CreatesNoContactsInADirectory(t *testing.T) {
	t.Parallel()
	r, err := automation.New(memory.New(), capture.New(), automation.Options{Contacts: directory{}})
	require.NoError(t, err)
	report, err := contactimport.Run(t.Context(), r, strings.NewReader("email\nada@example.com\n"), contactimport.Options{})
	require.NoError(t, err)
	assert.Equal(t, 1, report.Updated)
	_, err = contactimport.Run(t.Context(), r, strings.NewReader("email\nbob@example.com\n"), contactimport.Options{})
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

// endless is a file of n lines that exists nowhere.
type endless struct {
	n    int
	line []byte
	rest []byte
}

func (e *endless) Read(b []byte) (int, error) {
	if len(e.rest) == 0 {
		if e.n == 0 {
			return 0, io.EOF
		}
		e.n--
		e.rest = e.line
	}
	n := copy(b, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

// discard accepts every contact and keeps none.
type discard struct{ contactimport.Contacts }

func (discard) GetContact(context.Context, automation.ContactRef) (automation.Contact, error) {
	return automation.Contact{}, automation.ErrNotFound
}

func (discard) CreateContact(_ context.Context, c automation.Contact) (automation.Contact, error) {
	return c, nil
}

func TestRun_HoldsOnlyAFewHundredLines(t *testing.T) {
	t.Parallel()
	const total = 50_000
	line := []byte("ada@example.com,Ada,Lovelace,\"a, b\"\n")
	file := &endless{n: total, line: line, rest: []byte("email,first_name,last_name,note\n")}
	ahead := 0
	report, err := contactimport.Run(t.Context(), discard{}, file, contactimport.Options{Progress: func(c contactimport.Counts) {
		ahead = max(ahead, total-file.n-c.Total)
	}})
	require.NoError(t, err)
	assert.Equal(t, total, report.Created)
	assert.Less(t, ahead, 70<<10/len(line))
}

func BenchmarkRun(b *testing.B) {
	file := &endless{n: b.N, line: []byte("ada@example.com,Ada,Lovelace,\"a, b\"\n"), rest: []byte("email,first_name,last_name,note\n")}
	b.ReportAllocs()
	report, err := contactimport.Run(b.Context(), discard{}, file, contactimport.Options{})
	require.NoError(b, err)
	require.Equal(b, b.N, report.Created)
}
