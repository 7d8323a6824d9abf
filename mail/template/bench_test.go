package template_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/template"
)

// newsletter is a template of 22 KB with ten variables, as an editor makes it.
func newsletter() (source string, variables map[string]any) {
	variables = map[string]any{}
	var b strings.Builder
	b.WriteString("<html><head><style>td{padding:0}</style></head><body><table>")
	for i := 0; b.Len() < 22<<10; i++ {
		name := fmt.Sprintf("V%d", i%10)
		variables[name] = "Tom & Jerry"
		tag := ""
		if i < 10 {
			tag = "{{" + name + "}}"
		}
		fmt.Fprintf(&b, `<tr><td align="center" style="font-family:Arial,sans-serif;font-size:16px;line-height:24px;color:#333333">Some words %s and <a href="https://example.com/%d" style="color:#0066cc">a link</a></td></tr>`+"\n", tag, i)
	}
	b.WriteString("</table></body></html>")
	return b.String(), variables
}

func BenchmarkRender(b *testing.B) {
	source, variables := newsletter()
	for name, text := range map[string]string{"text given": "Hi", "text made from HTML": ""} {
		b.Run(name, func(b *testing.B) {
			l, err := template.New(template.Options{From: "a@example.com"})
			require.NoError(b, err)
			_, err = l.Create(template.Template{ID: "t", Name: "n", Subject: "Hi {{V1}}", HTML: source, Text: text, Status: template.StatusPublished})
			require.NoError(b, err)
			email := automation.Email{TemplateID: "t", To: "b@example.com", Variables: variables}
			b.ReportAllocs()
			b.SetBytes(int64(len(source)))
			for b.Loop() {
				if _, err := l.RenderEmail(b.Context(), email); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	source, _ := newsletter()
	l, err := template.New(template.Options{})
	require.NoError(b, err)
	_, err = l.Create(template.Template{ID: "t", Name: "n", HTML: source})
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Update("t", template.Change{}); err != nil {
			b.Fatal(err)
		}
	}
}
