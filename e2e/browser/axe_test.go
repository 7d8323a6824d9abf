package browser_test

import (
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// axe is the source of axe-core, which checks pages against WCAG.
var axe = sync.OnceValues(func() ([]byte, error) { return os.ReadFile("node_modules/axe-core/axe.min.js") })

// violation is what axe finds wrong.
type violation struct {
	ID, Help string
	Nodes    []string
}

// accessible fails the test for each rule of WCAG 2.2 A and AA that the page breaks, and if
// the page scrolls sideways.
func (b *tab) accessible(name string) {
	b.t.Helper()
	source, err := axe()
	require.NoError(b.t, err, "run make e2e-browser, which installs axe-core")
	if !eval[bool](b, "typeof axe === 'object'") {
		eval[any](b, string(source)+"; null")
	}
	found := eval[[]violation](b, `axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}).then(r =>
		r.violations.map(v => ({ID: v.id, Help: v.help, Nodes: v.nodes.map(n => n.html + ' ' + n.failureSummary)})))`)
	for _, v := range found {
		assert.Fail(b.t, "axe: "+v.Help, "%s on %s:\n%s", v.ID, name, strings.Join(v.Nodes, "\n"))
	}
	assert.LessOrEqual(b.t, eval[int](b, "document.documentElement.scrollWidth - innerWidth"), 0, "%s scrolls sideways", name)
}

// everyLook runs a check in light and dark, at the width of a laptop and of a phone.
func (b *tab) everyLook(check func(look string)) {
	b.t.Helper()
	for _, theme := range []string{"light", "dark"} {
		for name, width := range map[string]int64{"1280": 1280, "390": 390} {
			b.theme(theme)
			b.resize(width, 900)
			check(theme + "-" + name)
		}
	}
}

func TestPages_AreAccessible(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.populate()
	b := newTab(t, s)
	b.expect("Failed to load resource: the server responded with a status of 404")
	for _, path := range s.pages() {
		b.open(path)
		b.everyLook(func(look string) {
			b.accessible(path + " " + look)
			b.picture(path, look)
		})
	}
}
