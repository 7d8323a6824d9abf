package template_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/template"
)

// For every template and value, rendering does not panic, and the value of {{NAME}} adds no
// "<" to the HTML.
func FuzzRender(f *testing.F) {
	for _, source := range []string{
		"<p>{{NAME}}</p>", "{{#NAME}}{{NAME|x}}{{/NAME}}", "{{{FIRST_NAME|a.b}}}", "{{!x}}\n{{^A}}\r\n{{/A}}", "{{{{", "{{=<% %>=}}<%NAME%>", "{{&A}}}",
		"<a href=x>{{NAME}}<div hidden><ul><li><pre>", "{{contact.properties.a.b}}",
	} {
		f.Add(source, "<script>")
	}
	f.Fuzz(func(t *testing.T, source, value string) {
		l, err := template.New(template.Options{From: "a@example.com"})
		require.NoError(t, err)
		_, err = l.Create(template.Template{ID: "t", Name: "n", Subject: "s", HTML: source, Text: "{{NAME|}}", Status: template.StatusPublished})
		if err != nil {
			require.ErrorIs(t, err, automation.ErrInvalid)
			return
		}
		email := automation.Email{TemplateID: "t", To: "b@example.com", Variables: map[string]any{}}
		needs, err := l.Needs("t")
		require.NoError(t, err)
		for _, n := range needs {
			email.Variables[n.Key] = value
		}
		m, err := l.RenderEmail(t.Context(), email)
		if err != nil {
			require.ErrorIs(t, err, automation.ErrPermanent)
			return
		}
		if !strings.Contains(source, "{{{") && !strings.Contains(source, "&") {
			assert.LessOrEqual(t, strings.Count(m.HTML, "<"), strings.Count(source, "<"), "nothing was added unescaped")
		}
		if utf8.ValidString(source) {
			_, err = l.Preview("t", template.Sample{Variables: email.Variables})
			assert.NoError(t, err)
		}
	})
}

// Every HTML has a text part.
func FuzzText(f *testing.F) {
	f.Add("<ul><li><a href='https://x.y'><pre><td>x</ol></a>")
	f.Fuzz(func(t *testing.T, source string) {
		l, err := template.New(template.Options{From: "a@example.com"})
		require.NoError(t, err)
		_, err = l.Create(template.Template{ID: "t", Name: "n", Subject: "s", HTML: "x{{{X|}}}", Status: template.StatusPublished})
		require.NoError(t, err)
		m, err := l.RenderEmail(t.Context(), automation.Email{TemplateID: "t", To: "b@example.com", Variables: map[string]any{"X": source}})
		if err == nil {
			assert.Equal(t, "x"+source, m.HTML)
			if !strings.ContainsAny(source, "\n\r&") {
				assert.NotContains(t, m.Text, "\n\n\n", "only <pre> could ask for that")
			}
		}
	})
}

// Every document gives a template or a list of problems.
func FuzzParse(f *testing.F) {
	for _, data := range []string{`{"name": "n", "variables": [{"key": "A", "type": "string", "fallback_value": 1}]}`, `{"a": [1, {}`, `[[[[`, `{"reply_to": ["a"]}{`} {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := template.Parse(data); err != nil {
			require.ErrorIs(t, err, automation.ErrInvalid)
		}
	})
}
