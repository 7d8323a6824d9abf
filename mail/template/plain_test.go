package template_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/template"
)

func TestText_IsMadeFromHTML(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ html, want string }{
		"paragraphs":         {"<p class=x>One\n  two</p>\n<p>Three", "One two\n\nThree"},
		"headings":           {"<h1>Hi</h1>there<div>a</div><div>b</div>", "Hi\n\nthere\na\nb"},
		"line breaks":        {"a<br>b<br/><br><br>c", "a\nb\n\nc"},
		"inline":             {"a<b>b</b> <i> c</i>&nbsp;d", "ab c d"},
		"entities":           {"Tom &amp; Jerry &lt;b&gt; &euro; &#8364; &hellip; 1 < 2", "Tom & Jerry <b> € € … 1 < 2"},
		"link":               {`Our <a href="https://x.y/a?b=1&amp;c=2" style="x">site</a>.`, "Our site <https://x.y/a?b=1&c=2>."},
		"link that says it":  {`<a href="https://x.y">https://x.y</a> <a href="mailto:a@b.c">a@b.c</a> <a href=tel:123>123</a>`, "https://x.y a@b.c 123"},
		"links to nowhere":   {`<a href="#top">top</a> <a href="javascript:x()">x</a> <a>y</a>`, "top x y"},
		"image link":         {`<a href="https://x.y"><img src=x alt="Logo"></a> <a href="https://z.y"><img src=x></a>`, "Logo <https://x.y> https://z.y"},
		"open link":          {`<a href="https://x.y">one <a href="https://z.y">two`, "one <https://x.y> two <https://z.y>"},
		"lists":              {"Buy:<ul><li>A<li>B<ol><li>x</li><li>y</li></ol></ul>end", "Buy:\n- A\n- B\n  1. x\n  2. y\nend"},
		"list of paragraphs": {"<ul>\n<li>\n<p>A</p>\n</li><li><p>B</p><p>b</p></li><li></li><li><div><a href=https://x.y>https://x.y</a></div></ul>", "- A\n\n- B\n\nb\n\n- \n- https://x.y"},
		"item alone":         {"<li>a</li></ul>", "- a"},
		"table":              {"<table><tr><th>Item</th><th>Price</th></tr>\n<tr><td>Cup</td><td>4.00</td></tr></table>", "Item Price\nCup 4.00"},
		"not displayed":      {"<!DOCTYPE html><head><title>T</title><style>p{}</style><meta x></head><script>a<b</script><!-- c > --><!--[if mso]>m<![endif]-->x", "x"},
		"hidden":             {`<div style="color:red; DISPLAY : none">pre<div>x</div>view</div><span hidden>y</span><img hidden alt=z>seen<p style="list-style:none"> too`, "seen\n\ntoo"},
		"hidden for ever":    {`a<div style="display:none">b`, "a"},
		"preformatted":       {"<pre>a\n  b</pre></pre>c  d", "a\n  b\n\nc d"},
		"rule":               {"a<hr>b", "a\n\n---\n\nb"},
		"image only":         {"<img src=x>", ""},
		"no end":             {"a<", "a<"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, template.Options{})
			w.create(template.Template{HTML: test.html})
			m, err := w.render(automation.Email{})
			require.NoError(t, err)
			assert.Equal(t, test.want, m.Text)
		})
	}
}

func TestText_OfTheTemplateIsKept(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	w.create(template.Template{HTML: "<p>a</p>", Text: " b "})
	m, err := w.render(automation.Email{})
	require.NoError(t, err)
	assert.Equal(t, " b ", m.Text)
}

// An indent that grows with each level would turn a few kilobytes into gigabytes.
func TestText_OfDeepListsStaysSmall(t *testing.T) {
	t.Parallel()
	w := setup(t, template.Options{})
	w.create(template.Template{HTML: strings.Repeat("<ul><li>x", 2000)})
	m, err := w.render(automation.Email{})
	require.NoError(t, err)
	assert.Contains(t, m.Text, "- x\n  - x\n    - x")
	assert.Less(t, len(m.Text), 100_000)
}
