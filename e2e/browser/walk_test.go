package browser_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// watchFocus defines what a page is asked at each press of Tab. A ring is what the element that
// has the focus looks like then, and not once it has lost it.
const watchFocus = `
window.seen ??= new Map()
window.lookOf = el => {
	const shapes = el instanceof SVGElement ? el.querySelectorAll('.box, .ring') : []
	const parts = [el, ...shapes].map(e => [e, getComputedStyle(e)])
	return parts.flatMap(([e, s], i) => [
		s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0 ? 'outline ' + i : '',
		s.boxShadow !== 'none' ? 'shadow ' + i + s.boxShadow : '',
		i > 0 ? 'shape ' + i + s.stroke + s.strokeWidth + s.fill : '',
	]).filter(Boolean)
}
window.clipped = el => {
	const s = getComputedStyle(el)
	if (s.outlineStyle === 'none') return ''
	const grow = parseFloat(s.outlineWidth) + parseFloat(s.outlineOffset) - 0.5
	const r = el.getBoundingClientRect()
	for (let up = el.parentElement; up && up !== document.body; up = up.parentElement) {
		if (getComputedStyle(up).overflowX === 'visible') continue
		const c = up.getBoundingClientRect(), left = c.left + up.clientLeft, top = c.top + up.clientTop
		const sides = { left: r.left - grow < left, top: r.top - grow < top, right: r.right + grow > left + up.clientWidth, bottom: r.bottom + grow > top + up.clientHeight }
		const cut = Object.keys(sides).filter(k => sides[k])
		if (cut.length) return cut.join(' and ') + ' by ' + up.tagName.toLowerCase() + '.' + up.className
	}
	return ''
}
window.areaOf = el => el.matches('.skip') ? 0 : el.closest('main') ? 5 : el.matches('.brand') ? 1 : el.closest('.top nav') ? 2 : el.closest('[role=search]') ? 3 : 4
window.here = () => {
	const el = document.activeElement
	const last = window.held
	const rings = last ? last.look.filter(part => !lookOf(last.el).includes(part)).map(part => part.split(' ')[0]) : []
	window.held = el === last?.el ? last : null
	if (!el || el === document.body) return { End: true, Rings: rings }
	if (!seen.has(el)) seen.set(el, seen.size + 1)
	window.held ??= { el, look: lookOf(el) } // a field may have parts, with the ring around one
	const r = el.getBoundingClientRect()
	let x = scrollX, y = scrollY
	for (let up = el.parentElement; up && up !== document.documentElement; up = up.parentElement) [x, y] = [x + up.scrollLeft, y + up.scrollTop]
	return {
		ID: seen.get(el), HTML: el.outerHTML.slice(0, 160), Area: areaOf(el), Index: el.tabIndex, Clipped: clipped(el), Rings: rings,
		Inside: [...seen].filter(([e]) => e !== el && e.contains(el)).map(([, id]) => id),
		Left: r.left + x, Top: r.top + y, Right: r.right + x, Bottom: r.bottom + y,
	}
}
null`

// stop is an element that has the focus after a press of Tab. Its box is on the page.
type stop struct {
	End                      bool
	ID                       int
	HTML                     string
	Area                     int // skip link, name, navigation, search, tools, main part
	Index                    int
	Clipped                  string // the sides of its ring that are cut off
	Rings                    []string
	Inside                   []int // stops around it
	Left, Top, Right, Bottom float64
}

// mostStops is how often a walk presses Tab at most.
const mostStops = 600

// walk presses Tab from the top of the page until it has been everywhere. Rings of a stop are
// those that it had while it had the focus. Parts of one field are one stop.
func (b *tab) walk() []stop {
	b.t.Helper()
	eval[any](b, watchFocus)
	eval[any](b, "document.body.tabIndex = -1, document.body.focus(), document.body.removeAttribute('tabindex'), null") // to the top
	var stops []stop
	for range mostStops {
		b.do(chromedp.KeyEvent(kb.Tab))
		next := eval[stop](b, "here()")
		if len(stops) > 0 && stops[len(stops)-1].ID != next.ID {
			stops[len(stops)-1].Rings = next.Rings
		}
		switch {
		case next.End || len(stops) > 1 && next.ID == stops[0].ID:
			return stops
		case len(stops) == 0 || stops[len(stops)-1].ID != next.ID:
			stops = append(stops, next)
		}
	}
	require.Fail(b.t, "the walk has no end")
	return nil
}

// follows reports whether a reader who reads from left to right, and down, gets from one stop to
// the next: it is further down, further to the right, or a part of the first.
func (next stop) follows(last stop) bool {
	const little = 3 // pixels that a box may reach into another
	for _, id := range next.Inside {
		if id == last.ID {
			return true
		}
	}
	return (next.Top+next.Bottom)/2 >= last.Bottom-little || next.Left >= last.Right-little
}

// walkable fails the test for each stop of a walk that a person cannot see, or does not expect
// there.
func (b *tab) walkable(name string) {
	b.t.Helper()
	stops := b.walk()
	require.NotEmpty(b.t, stops, name)
	assert.Contains(b.t, stops[0].HTML, `class="skip"`, "%s: the first stop", name)
	for i, s := range stops {
		assert.LessOrEqual(b.t, s.Index, 0, "%s: a tabindex of its own: %s", name, s.HTML)
		assert.Empty(b.t, s.Clipped, "%s: the ring is cut off on the %s: %s", name, s.Clipped, s.HTML)
		if !strings.HasPrefix(s.HTML, "<iframe") { // its ring is in the email
			assert.Len(b.t, s.Rings, 1, "%s: one ring, of %s", name, s.HTML)
		}
		if i > 1 {
			last := stops[i-1]
			assert.GreaterOrEqual(b.t, s.Area, last.Area, "%s: the header is read before the page: %s", name, s.HTML)
			assert.True(b.t, s.follows(last), "%s: what is read later has the focus earlier:\n%s\n%s\n%s", name, last.HTML, s.HTML, boxes(last, s))
		}
	}
}

func boxes(all ...stop) string {
	var text []string
	for _, s := range all {
		text = append(text, fmt.Sprintf("%.0f,%.0f to %.0f,%.0f", s.Left, s.Top, s.Right, s.Bottom))
	}
	return strings.Join(text, " then ")
}

// named fails the test for each element that can have the focus and has no name for a screen
// reader.
func (b *tab) named(name string) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		tree, err := cdp.Call(ctx, t, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
		if err != nil {
			return err
		}
		for _, node := range tree.Nodes {
			if node.Ignored || !focusable(node) || textOf(node.Name) != "" || skippable(node) {
				continue
			}
			found, err := cdp.Call(ctx, t, dom.GetOuterHTML, dom.GetOuterHTMLParams{BackendNodeID: node.BackendDOMNodeID})
			if err != nil {
				return err
			}
			assert.Fail(b.t, "an element without a name", "%s: a %s: %s", name, textOf(node.Role), found.OuterHTML[:min(200, len(found.OuterHTML))])
		}
		return nil
	}))
}

// skippable reports whether a node can have the focus, but not by the Tab key.
func skippable(node *accessibility.Node) bool {
	role := textOf(node.Role)
	return role == "RootWebArea" || role == "main"
}

func focusable(node *accessibility.Node) bool {
	for _, p := range node.Properties {
		if p.Name == accessibility.PropertyNameFocusable {
			return string(p.Value.Value) == "true"
		}
	}
	return false
}

// textOf returns a value of the accessibility tree, which is a text.
func textOf(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	return strings.Trim(string(v.Value), `" `)
}
