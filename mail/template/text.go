package template

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/cbroglie/mustache"
)

// text is one field of a template, compiled. It is immutable.
type text struct {
	source   string
	refs     []ref // each once
	slots    []string
	mustache *mustache.Template // nil if there are no tags
}

// compileText compiles a field, and returns what is wrong with it. Only HTML is
// escaped.
func compileText(source string, html bool) (*text, []string) {
	tags, problems := scanTags(source)
	t := &text{source: source}
	if len(problems) > 0 || !strings.Contains(source, "{{") {
		return t, problems
	}
	// The provider keeps the library from looking for files.
	m, err := mustache.ParseStringPartialsRaw(t.withSlots(tags), &mustache.StaticProvider{}, !html)
	if err != nil {
		return t, []string{err.Error()}
	}
	t.mustache = m
	return t, nil
}

// withSlots returns the source with a number in place of each name. Mustache would
// take the dots of a name or a fallback for a path, and knows no fallbacks.
func (t *text) withSlots(tags []tag) string {
	var b strings.Builder
	numbers := map[ref]int{}
	end := 0
	for _, tag := range tags {
		n, ok := numbers[tag.ref]
		if !ok {
			n = len(t.refs)
			numbers[tag.ref] = n
			t.refs, t.slots = append(t.refs, tag.ref), append(t.slots, strconv.Itoa(n))
		}
		fmt.Fprintf(&b, "%s{{%s%d}}", t.source[end:tag.start], tag.kind, n)
		end = tag.end
	}
	b.WriteString(t.source[end:])
	return b.String()
}

// render fills the tags in.
func (t *text) render(v *values) (string, error) { return t.renderWith(v.of) }

// renderWith fills the tags in with what of says.
func (t *text) renderWith(of func(ref) any) (string, error) {
	if t.mustache == nil {
		return t.source, nil
	}
	slots := make(map[string]any, len(t.refs))
	for i, r := range t.refs {
		slots[t.slots[i]] = of(r)
	}
	var b strings.Builder
	b.Grow(len(t.source) + len(t.source)/4)
	if err := t.mustache.FRender(&b, slots); err != nil {
		return "", err
	}
	return b.String(), nil
}
