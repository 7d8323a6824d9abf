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
	refs     []ref // without repetitions
	slots    []string
	mustache *mustache.Template // nil if there are no tags
}

// compileText compiles a field, and returns its problems. Values are escaped in HTML
// only.
func compileText(source string, html bool) (*text, []string) {
	tags, problems := scanTags(source)
	t := &text{source: source}
	if len(problems) > 0 || !strings.Contains(source, "{{") {
		return t, problems
	}
	// Without a provider the package mustache would look for files.
	m, err := mustache.ParseStringPartialsRaw(t.withSlots(tags), &mustache.StaticProvider{}, !html)
	if err != nil {
		return t, []string{err.Error()}
	}
	t.mustache = m
	return t, nil
}

// withSlots returns the source with a number in place of each name. Mustache has no
// fallbacks, and treats the dots of a name as a path.
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

// render replaces the tags by their values.
func (t *text) render(v *values) (string, error) { return t.renderWith(v.of) }

// renderWith replaces the tags by the values that of returns.
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
