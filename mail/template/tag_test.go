package template_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/template"
)

func TestTags_SyntaxErrorsNameTheLine(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ source, want string }{
		"not closed":              {"a\n{{NAME", "line 2: {{ is not closed"},
		"raw not closed":          {"a\n\n{{{NAME}}", "line 3: {{{ is not closed"},
		"lines within tags count": {"{{\nA\n}}\n{{}}", "line 4: a tag is empty"},
		"empty raw":               {"{{{ }}}", "line 1: a tag is empty"},
		"partial":                 {"{{> /etc/passwd}}", "line 1: a template cannot include another"},
		"delimiters":              {"{{=<% %>=}}", "line 1: the braces cannot be changed"},
		"not a name":              {"{{a-b}}", `line 1: "a-b" is not a variable's name`},
		"long name":               {"{{" + strings.Repeat("a", 51) + "}}", "50 characters"},
		"very long name":          {"{{" + strings.Repeat("ä", 50) + "}}", strings.Repeat("ä", 40) + `"… is not`},
		"a tag in a tag":          {"{{A{{B}}", "is not a variable's name"},
		"too many braces":         {"{{{{A}}}}", "is not a variable's name"},
		"dot":                     {"{{.}}", "line 1: . is not a text"},
		"this":                    {"{{this}}", "line 1: this is not a text"},
		"contact":                 {"{{contact}}", "line 1: contact is not a text"},
		"unknown field":           {"{{contact.phone}}", `line 1: a contact has no "phone": it has id, email`},
		"property without name":   {"{{contact.properties.}}", "line 1: a contact has no"},
		"section left open":       {"\n{{#A}}\n", `line 2: section "A" is not closed`},
		"section never opened":    {"\n{{/A}}", "line 2: {{/A}} closes a section that is not open"},
		"sections crossed":        {"{{#A}}\n{{^B}}\n{{/A}}{{/B}}", `line 3: {{/A}} does not close the section that was opened last, "B" of line 2`},
		"section with fallback":   {"{{#A|x}}{{/A}}", `"A|x" is not a variable's name`},
		"nested without end":      {strings.Repeat("{{#A}}", 10_002) + strings.Repeat("{{/A}}", 10_002), "nesting too deep"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := setup(t, template.Options{}).Create(template.Template{Name: "n", HTML: test.source})
			require.ErrorIs(t, err, automation.ErrInvalid)
			assert.ErrorContains(t, err, "html: ")
			assert.ErrorContains(t, err, test.want)
		})
	}
}

func TestTags_AllErrorsAreReported(t *testing.T) {
	t.Parallel()
	_, err := setup(t, template.Options{}).Create(template.Template{Name: "n", Text: "{{a-b}}\n{{>x}}\n{{#A}}\n{{"})
	assert.Len(t, problems(t, err), 4)
}
