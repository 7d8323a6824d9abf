package template_test

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/mail/template"
	"github.com/seed-b636437c/automation/unsubscribe"
)

func TestRender_FillsInTheTags(t *testing.T) {
	t.Parallel()
	variables := map[string]any{
		"NAME": "Tom & <b>", "EMPTY": "", "NULL": nil, "YES": true, "NO": false,
		"INT": json.Number("1000000"), "BIG": json.Number("12345678901234567890"), "DEC": json.Number("1.50"), "GO": 7, "FLOAT": 1e6,
	}
	tests := map[string]struct{ source, want string }{
		"raw":                       {"{{{NAME}}} {{&NAME}}", "Tom & <b> Tom & <b>"},
		"escaped":                   {"{{NAME}} {{ NAME }}", "Tom &amp; &lt;b&gt; Tom &amp; &lt;b&gt;"},
		"this":                      {"{{{this.NAME}}}", "Tom & <b>"},
		"numbers as written":        {"{{INT}} {{{BIG}}} {{DEC}}", "1000000 12345678901234567890 1.50"},
		"numbers of Go":             {"{{GO}} {{FLOAT}}", "7 1000000"},
		"booleans":                  {"{{YES}} {{NO}}", "true false"},
		"an empty value is one":     {"[{{EMPTY|x}}]", "[]"},
		"fallback of the place":     {"{{{X|a. b & c|d}}} {{X|a. b & c}}", "a. b & c|d a. b &amp; c"},
		"blanks around a fallback":  {"{{{ X | a b }}}", "a b"},
		"null is absent":            {"{{NULL|none}}", "none"},
		"an empty fallback":         {"[{{X|}}]", "[]"},
		"two fallbacks":             {"{{X|1}} {{X|2}} {{X|1}}", "1 2 1"},
		"section":                   {"{{#YES}}a{{/YES}}{{#NO}}b{{/NO}}{{#INT}}c{{/INT}}{{#EMPTY}}d{{/EMPTY}}", "ac"},
		"inverted section":          {"{{^YES}}a{{/YES}}{{^NO}}b{{/NO}}", "b"},
		"a variable in a section":   {"{{#YES}}{{NAME|x}}{{#NAME}}{{{contact.first_name}}}{{/NAME}}{{/YES}}", "Tom &amp; &lt;b&gt;Ada"},
		"section of the contact":    {"{{#contact.properties.vip}}VIP{{/contact.properties.vip}}", "VIP"},
		"comment":                   {"a{{! {{ > = }}b", "ab"},
		"braces":                    {"@media{p{a:b}} } }} {{NAME}}}", "@media{p{a:b}} } }} Tom &amp; &lt;b&gt;}"},
		"over two lines":            {"{{{\n  NAME\n}}}", "Tom & <b>"},
		"contact":                   {"{{FIRST_NAME}} {{LAST_NAME}} {{EMAIL}} {{contact.id}} {{contact.email}} {{contact.last_name}}", "Ada Byron ada@example.com c1 ada@example.com Byron"},
		"fields of the contact":     {"{{contact.unsubscribed}} {{contact.created_at}}", "false 2026-03-01T12:00:00Z"},
		"properties":                {"{{contact.properties.plan}} {{contact.properties.seats}} {{contact.properties.vip}} {{contact.properties.a b}}", "pro 3 true spaced"},
		"a property that is absent": {"[{{contact.properties.city}}] {{contact.properties.city|here}}", "[] here"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, html(t, test.source, variables))
		})
	}
}

func TestRender_ValuesAreNotTemplates(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "{{{EMAIL}}} {{> x}}", html(t, "{{{NAME}}}", map[string]any{"NAME": "{{{EMAIL}}} {{> x}}"}))
}

func TestRender_EscapesOnlyInHTML(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	w.create(template.Template{
		From: `"{{NAME}}" <shop@example.com>`, ReplyTo: `"{{{NAME}}}" <help@example.com>`,
		Subject: "For {{NAME}} & you", HTML: "<p>{{NAME}}</p>", Text: "<{{NAME}}>",
	})
	m, err := w.render(automation.Email{Variables: map[string]any{"NAME": "Tom & Jerry"}})
	require.NoError(t, err)
	assert.Equal(t, mail.Message{
		From: `"Tom & Jerry" <shop@example.com>`, To: "ada@example.com", ReplyTo: `"Tom & Jerry" <help@example.com>`,
		Subject: "For Tom & Jerry & you", HTML: "<p>Tom &amp; Jerry</p>", Text: "<Tom & Jerry>",
	}, m)
}

func TestRender_ContactWithoutNameGetsTheFallback(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	w.create(template.Template{Text: "Hi {{{FIRST_NAME|there}}}[{{{FIRST_NAME}}}]"})
	nobody := automation.Contact{Email: "x@example.com"}
	m, err := w.render(automation.Email{To: nobody.Email, Contact: nobody})
	require.NoError(t, err)
	assert.Equal(t, "Hi there[]", m.Text)
}

func TestRender_DeclaredFallbacksStandIn(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	w.create(template.Template{
		Text: "{{S}} {{N}} {{B}} {{S|here}}",
		Variables: []template.Variable{
			{Key: "S", Type: template.TypeString, FallbackValue: "you"},
			{Key: "N", Type: template.TypeNumber, FallbackValue: json.Number("1.50")},
			{Key: "B", Type: template.TypeBoolean, FallbackValue: false},
		},
	})
	m, err := w.render(automation.Email{Variables: map[string]any{"N": nil}})
	require.NoError(t, err)
	assert.Equal(t, "you 1.50 false here", m.Text)
}

func TestRender_StepOverrides(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	w.create(template.Template{From: "a@example.com", Subject: "{{NEEDED}}", Text: "Hi"})
	m, err := w.render(automation.Email{
		From: "b@example.com", Subject: "Hi {{NAME}} & {{FIRST_NAME}}", ReplyTo: "{{MAILBOX}}@example.com",
		Variables: map[string]any{"NAME": "<Tom>", "MAILBOX": "help"},
	})
	require.NoError(t, err)
	assert.Equal(t, mail.Message{From: "b@example.com", To: "ada@example.com", ReplyTo: "help@example.com", Subject: "Hi <Tom> & Ada", Text: "Hi"}, m)

	_, err = w.render(automation.Email{Subject: "Hi {{NAME}}"})
	assert.Equal(t, []string{"missing_field variables.NAME"}, problems(t, err))

	_, err = w.render(automation.Email{Subject: "Hi {{NAME"})
	require.ErrorIs(t, err, automation.ErrPermanent)
	assert.Equal(t, []string{"invalid_template_tag subject"}, problems(t, err))
	assert.ErrorContains(t, err, `template "t"`)
}

func TestRender_RefusesVariables(t *testing.T) {
	t.Parallel()
	refusing := template.Template{
		Subject: "{{IN_SUBJECT|x}}", Text: "{{ANY|x}} {{S|x}}",
		Variables: []template.Variable{
			{Key: "S", Type: template.TypeString, FallbackValue: ""}, {Key: "N", Type: template.TypeNumber, FallbackValue: 1},
			{Key: "B", Type: template.TypeBoolean, FallbackValue: true},
		},
	}
	long := strings.Repeat("ä", template.MaxValueLength)
	tests := map[string]struct {
		variables map[string]any
		want      []string
		message   string
	}{
		"number for a string": {map[string]any{"S": json.Number("1")}, []string{"wrong_type variables.S"}, "must be a string and is a number"},
		"string for a number": {map[string]any{"N": "1"}, []string{"wrong_type variables.N"}, "must be a number and is a string"},
		"bool for a number":   {map[string]any{"N": true}, []string{"wrong_type variables.N"}, "must be a number and is a boolean"},
		"string for a bool":   {map[string]any{"B": "true"}, []string{"wrong_type variables.B"}, "must be a boolean and is a string"},
		"object":              {map[string]any{"ANY": map[string]any{}}, []string{"wrong_type variables.ANY"}, "object or an array"},
		"array":               {map[string]any{"S": []any{"x"}}, []string{"wrong_type variables.S"}, "object or an array"},
		"invalid UTF-8":       {map[string]any{"ANY": "\xff"}, []string{"wrong_type variables.ANY"}, "UTF-8"},
		"too long":            {map[string]any{"S": long + "x"}, []string{"limit_exceeded variables.S"}, "2000"},
		"reserved":            {map[string]any{"EMAIL": "x", "contact": "x"}, []string{"invalid_template_variable variables.EMAIL", "invalid_template_variable variables.contact"}, "reserved"},
		"all at once":         {map[string]any{"S": true, "N": true}, []string{"wrong_type variables.N", "wrong_type variables.S"}, `template "t": 2 problems`},
		"line break":          {map[string]any{"IN_SUBJECT": "a\r\nBcc: eve@example.com"}, []string{"unsafe_header subject"}, "variable IN_SUBJECT contains a line break"},
		"control character":   {map[string]any{"IN_SUBJECT": "a\x00"}, []string{"unsafe_header subject"}, "variable IN_SUBJECT"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, template.Options{})
			w.create(refusing)
			m, err := w.render(automation.Email{Variables: test.variables})
			assert.Zero(t, m)
			require.ErrorIs(t, err, automation.ErrPermanent)
			assert.Equal(t, test.want, problems(t, err))
			assert.ErrorContains(t, err, test.message)
			assert.ErrorContains(t, err, `template "t"`)
			assert.NotContains(t, err.Error(), "Bcc", "a value stays out of the message")
		})
	}
	w := setup(t, template.Options{})
	w.create(refusing)
	_, err := w.render(automation.Email{Variables: map[string]any{"S": long, "UNKNOWN": map[string]any{}, "ANY": "a\nb", "IN_SUBJECT": "a\tb"}})
	assert.NoError(t, err, "the limit is allowed, unknown variables are passed over, and a body has lines")
}

// A step names its template by an alias. So does the error that a person then reads.
func TestRender_NamesTheTemplateInErrorsAsTheStepDoes(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	_, err := w.Create(template.Template{ID: "5f0d", Alias: "welcome", Name: "Welcome", Subject: "S", Text: "{{NAME}}", Status: template.StatusPublished})
	require.NoError(t, err)
	_, err = w.RenderEmail(t.Context(), automation.Email{TemplateID: "welcome", To: "ada@example.com"})
	assert.ErrorContains(t, err, `template "welcome"`)
	assert.NotContains(t, err.Error(), "5f0d")
}

func TestRender_ListsAllMissingVariables(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	w.create(template.Template{
		Subject: "{{A}}", HTML: "{{B}} {{B|x}} {{C|x}} {{#D}}{{/D}} {{FIRST_NAME}}",
		Variables: []template.Variable{
			{Key: "DECLARED", Type: template.TypeString}, {Key: "C", Type: template.TypeString},
			{Key: "B", Type: template.TypeString}, {Key: "F", Type: template.TypeString, FallbackValue: ""},
		},
	})
	_, err := w.render(automation.Email{Variables: map[string]any{"B": nil}})
	require.ErrorIs(t, err, automation.ErrPermanent)
	assert.Equal(t, []string{
		"missing_field variables.DECLARED", "missing_field variables.B", "missing_field variables.A", "missing_field variables.D",
	}, problems(t, err))
}

func TestRender_UnsubscribeURL(t *testing.T) {
	t.Parallel()
	link := func(c automation.Contact) (string, error) { return "https://example.com/u?c=" + c.ID + "&t=1", nil }
	for _, name := range []string{"UNSUBSCRIBE_URL", "RESEND_UNSUBSCRIBE_URL"} {
		w := setup(t, template.Options{UnsubscribeURL: link})
		w.create(template.Template{HTML: `<a href="{{` + name + `}}">Unsubscribe</a>`})
		m, err := w.render(automation.Email{})
		require.NoError(t, err)
		assert.Equal(t, "https://example.com/u?c=c1&t=1", m.UnsubscribeURL)
		assert.Equal(t, `<a href="https://example.com/u?c=c1&amp;t=1">Unsubscribe</a>`, m.HTML)
		assert.Equal(t, "Unsubscribe <https://example.com/u?c=c1&t=1>", m.Text)
	}
	w := setup(t, template.Options{UnsubscribeURL: link})
	w.create(template.Template{HTML: "Hi"})
	m, err := w.render(automation.Email{})
	require.NoError(t, err)
	assert.Empty(t, m.UnsubscribeURL, "only a template that uses the link offers it")
}

func TestRender_FailsWithoutUnsubscribeURL(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	w.create(template.Template{Text: "{{UNSUBSCRIBE_URL}}"})
	_, err := w.render(automation.Email{})
	require.ErrorIs(t, err, automation.ErrPermanent)
	assert.ErrorContains(t, err, `template "t"`)
	assert.ErrorContains(t, err, "Options.UnsubscribeURL")

	down := errors.New("down")
	w = setup(t, template.Options{UnsubscribeURL: func(automation.Contact) (string, error) { return "", down }})
	w.create(template.Template{Text: "{{UNSUBSCRIBE_URL}}"})
	_, err = w.render(automation.Email{})
	require.ErrorIs(t, err, down)
	assert.NotErrorIs(t, err, automation.ErrPermanent, "the host says whether another attempt helps")
}

func TestRender_NeedsASenderAndASubject(t *testing.T) {
	t.Parallel()
	l, err := template.New(template.Options{})
	require.NoError(t, err)
	_, err = l.Create(template.Template{ID: "t", Name: "T", Subject: "{{S|}}", Text: "Hi", Status: template.StatusPublished})
	require.NoError(t, err)
	email := automation.Email{TemplateID: "t", To: "ada@example.com", Subject: "Hi"}
	_, err = l.RenderEmail(t.Context(), email)
	require.ErrorIs(t, err, automation.ErrPermanent)
	assert.Equal(t, []string{"missing_field from"}, problems(t, err))

	email.From, email.Subject = "shop@example.com", ""
	_, err = l.RenderEmail(t.Context(), email)
	require.ErrorIs(t, err, automation.ErrPermanent)
	assert.ErrorContains(t, err, "no subject")
}

func TestRender_ABodyMayNotTurnOutEmpty(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	w.create(template.Template{Text: "{{X|}}"})
	_, err := w.render(automation.Email{})
	require.ErrorIs(t, err, automation.ErrPermanent)
	assert.Equal(t, []string{"missing_field html"}, problems(t, err))
}

func TestRender_NamesTheFieldOfTheContactThatBreaksTheHeader(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	w.create(template.Template{Subject: "Hi {{contact.properties.city}}", From: "{{FIRST_NAME}} <shop@example.com>", Text: "x"})
	eve := automation.Contact{Email: "e@example.com", FirstName: "Eve\n", Properties: map[string]any{"city": "a\r\nBcc: b@example.com"}}
	_, err := w.render(automation.Email{To: eve.Email, Contact: eve})
	require.ErrorIs(t, err, automation.ErrPermanent)
	assert.Equal(t, []string{"unsafe_header from", "unsafe_header subject"}, problems(t, err))
	assert.ErrorContains(t, err, "variable FIRST_NAME")
	assert.ErrorContains(t, err, "variable contact.properties.city")
}

func TestRender_FailsForAMissingTemplate(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	for _, id := range []string{"nope", ""} {
		_, err := w.RenderEmail(t.Context(), automation.Email{TemplateID: id, To: ada.Email})
		require.ErrorIs(t, err, automation.ErrNotFound)
		require.ErrorIs(t, err, automation.ErrPermanent)
	}
	_, err := w.Create(template.Template{ID: "draft", Name: "D", Subject: "S", Text: "Hi"})
	require.NoError(t, err)
	_, err = w.RenderEmail(t.Context(), automation.Email{TemplateID: "draft", To: ada.Email})
	require.ErrorIs(t, err, automation.ErrPermanent)
	assert.ErrorContains(t, err, `template "draft" is not published: publish it`)
}

func TestPreview_ShowsTheDraft(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	w.create(template.Template{Alias: "alias", Text: "old {{NAME}} {{EMAIL}}"})
	_, err := w.Update("t", template.Change{Text: ptr("new {{NAME}} {{OTHER}} {{THIRD}}")})
	require.NoError(t, err)

	m, err := w.Preview("alias", template.Sample{Variables: map[string]any{"NAME": "n", "OTHER": 1, "THIRD": true}})
	require.NoError(t, err)
	assert.Equal(t, "new n 1 true", m.Text)
	m, err = w.Preview("t", template.Sample{Contact: ada, Variables: map[string]any{"NAME": "n"}, Published: true})
	require.NoError(t, err)
	assert.Equal(t, "old n ada@example.com", m.Text)

	_, err = w.Preview("t", template.Sample{})
	assert.Equal(t, []string{"missing_field variables.NAME", "missing_field variables.OTHER", "missing_field variables.THIRD"}, problems(t, err))
	_, err = w.Preview("nope", template.Sample{})
	assert.ErrorIs(t, err, automation.ErrNotFound)
}

// An email that is rendered during Publish uses one of the two versions as a whole.
func TestRender_IsWholeWhilePublishing(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	version := func(n int) template.Change {
		v := strconv.Itoa(n)
		return template.Change{Subject: ptr(v), HTML: ptr("{{X|" + v + "}}"), Text: ptr(v)}
	}
	w.create(template.Template{Subject: "0", HTML: "0", Text: "0"})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			last := 0
			for last < 100 {
				m, err := w.render(automation.Email{})
				if !assert.NoError(t, err) || !assert.Equal(t, m.Subject, m.HTML) || !assert.Equal(t, m.Subject, m.Text) {
					return
				}
				n, err := strconv.Atoi(m.Subject)
				if !assert.NoError(t, err) || !assert.GreaterOrEqual(t, n, last) {
					return
				}
				last = n
			}
		})
	}
	for n := range 100 {
		_, err := w.Update("t", version(n+1))
		require.NoError(t, err)
		_, err = w.Publish("t")
		require.NoError(t, err)
	}
	wg.Wait()
}

// A name that the contact chose must not add an address.
func TestRender_AVariableAddsNoAddress(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		replyTo, value string
		want           []string // nil for a ReplyTo
	}{
		"a name":             {"{{{V}}} <a@example.com>", "Ada", nil},
		"two, by a name":     {"{{{V}}} <a@example.com>", "Evil <evil@example.org>, Ada", []string{"unsafe_header reply_to"}},
		"two, out of quotes": {`"{{{V}}}" <a@example.com>`, `" <evil@example.org>, "`, []string{"unsafe_header reply_to"}},
		"a comma in quotes":  {`"{{{V}}}" <a@example.com>`, "Acme, Inc.", nil},
		"two by themselves":  {"a@example.com, b@example.com", "x", nil},
		"the whole list":     {"{{{V}}}", "a@example.com, b@example.com", nil},
		"a section":          {"a@example.com{{#V}}, b@example.com{{/V}}", "Ada", nil},
		"two and a name":     {`"{{{V}}}" <a@example.com>, b@example.com`, "Ada", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, template.Options{})
			w.create(template.Template{ReplyTo: test.replyTo, Text: "x{{V}}"})
			_, err := w.render(automation.Email{Variables: map[string]any{"V": test.value}})
			if test.want == nil {
				require.NoError(t, err)
				return
			}
			assert.Equal(t, test.want, problems(t, err))
			assert.ErrorIs(t, err, automation.ErrPermanent)
		})
	}
}

// A link needs a contact's id, and a sample may have none.
func TestPreview_TakesWhatAStepOverrides(t *testing.T) {
	t.Parallel()
	l, err := template.New(template.Options{})
	require.NoError(t, err)
	_, err = l.Create(template.Template{ID: "t", Name: "n", HTML: `<a href="{{UNSUBSCRIBE_URL}}">Leave</a>`})
	require.NoError(t, err)
	m, err := l.Preview("t", template.Sample{From: "a@example.com", Subject: "For {{EMAIL}}", ReplyTo: "b@example.com", UnsubscribeURL: "#"})
	require.NoError(t, err)
	assert.Equal(t, "a@example.com", m.From)
	assert.Equal(t, "For preview@example.com", m.Subject)
	assert.Equal(t, "b@example.com", m.ReplyTo)
	assert.Equal(t, `<a href="#">Leave</a>`, m.HTML)
	assert.Empty(t, m.UnsubscribeURL)
}

func TestPreview_NeedsNoContact(t *testing.T) {
	t.Parallel()
	links, err := unsubscribe.NewLinks("https://example.com/unsubscribe", unsubscribe.LinkOptions{}, make([]byte, 32))
	require.NoError(t, err)
	w := setup(t, template.Options{UnsubscribeURL: links.URL})
	w.create(template.Template{Text: "{{EMAIL}} {{UNSUBSCRIBE_URL}}"})
	m, err := w.Preview("t", template.Sample{})
	require.NoError(t, err)
	assert.Contains(t, m.Text, "preview@example.com https://example.com/unsubscribe?t=")
}
