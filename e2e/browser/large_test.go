package browser_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A flow of 150 steps can be read and edited, on a laptop and on a phone.
func TestLarge_IsReadable(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Create(large())
	b := newTab(t, s)
	for path, node := range map[string]string{"/a/large": ".automation-diagram text, .outline b", "/a/large/edit": ".node text"} {
		b.open(path)
		b.until("document.querySelectorAll('" + node + "').length >= 150")
		b.everyLook(func(look string) {
			smallest := eval[float64](b, "Math.min(...[...document.querySelectorAll('"+node+"')].map(e => e.getBoundingClientRect().height).filter(h => h > 0))")
			assert.GreaterOrEqual(t, smallest, 8.0, "%s %s: the smallest text in pixels", path, look)
			b.accessible(path + " " + look)
			b.picture(path, look)
		})
	}
}
