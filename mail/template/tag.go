package template

import (
	"fmt"
	"strings"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// ref is the name in a tag, with the fallback of the tag.
type ref struct {
	name        string // without a leading "this."
	fallback    string
	hasFallback bool
}

// tag is a tag in the text of a template.
type tag struct {
	start, end int // from the first brace to behind the last one, in bytes
	line       int
	kind       tagKind
	ref        ref
}

// tagKind is the kind of a tag, as Mustache writes it.
type tagKind string

const (
	tagEscaped  tagKind = ""
	tagRaw      tagKind = "&"
	tagSection  tagKind = "#"
	tagInverted tagKind = "^"
	tagClose    tagKind = "/"
)

// tagScanner finds the tags of a text and their problems.
type tagScanner struct {
	source   string
	pos      int
	line     int
	tags     []tag
	open     []tag // sections that are not closed yet
	problems []string
}

// scanTags returns the tags of source, and their problems, each of which begins with its
// line.
func scanTags(source string) ([]tag, []string) {
	s := tagScanner{source: source, line: 1}
	for s.next() {
	}
	for _, t := range s.open {
		s.fail(t.line, "section %s is not closed: write {{/%s}} behind it", jsondoc.Quote(t.ref.name), t.ref.name)
	}
	return s.tags, s.problems
}

// next scans the next tag and reports whether there may be more.
func (s *tagScanner) next() bool {
	i := strings.Index(s.source[s.pos:], "{{")
	if i < 0 {
		return false
	}
	start := s.pos + i
	s.line += strings.Count(s.source[s.pos:start], "\n")
	opening, closing := "{{", "}}"
	if strings.HasPrefix(s.source[start:], "{{{") {
		opening, closing = "{{{", "}}}"
	}
	s.pos = start + len(opening)
	length := strings.Index(s.source[s.pos:], closing)
	if length < 0 {
		s.fail(s.line, "%s is not closed: write %s behind the name", opening, closing)
		return false
	}
	inner := s.source[s.pos : s.pos+length]
	s.pos += length + len(closing)
	s.tag(tag{start: start, end: s.pos, line: s.line}, strings.TrimSpace(inner), opening == "{{{")
	s.line += strings.Count(inner, "\n")
	return true
}

// tag adds a tag with this text between its braces.
func (s *tagScanner) tag(t tag, inner string, raw bool) {
	switch {
	case raw:
		t.kind = tagRaw
	case inner == "":
	case inner[0] == '!':
		return // a comment
	case inner[0] == '>':
		s.fail(t.line, "a template cannot include another: {{> is not supported")
		return
	case inner[0] == '=':
		s.fail(t.line, "the braces cannot be changed: {{= is not supported")
		return
	case strings.IndexByte("#^/&", inner[0]) >= 0:
		t.kind, inner = tagKind(inner[:1]), inner[1:]
	}
	t.ref = t.kind.ref(inner)
	if message := checkTagName(t.ref.name); message != "" {
		s.fail(t.line, "%s", message)
		return
	}
	s.nest(t)
	s.tags = append(s.tags, t)
}

// ref parses the text behind the kind. Only values have fallbacks.
func (k tagKind) ref(inner string) ref {
	name, fallback, has := inner, "", false
	if k == tagEscaped || k == tagRaw {
		name, fallback, has = strings.Cut(inner, "|")
	}
	name = strings.TrimPrefix(strings.TrimSpace(name), "this.")
	return ref{name, strings.TrimSpace(fallback), has}
}

// nest updates the open sections for tag t.
func (s *tagScanner) nest(t tag) {
	switch t.kind {
	case tagSection, tagInverted:
		s.open = append(s.open, t)
	case tagClose:
		last := len(s.open) - 1
		if last < 0 {
			s.fail(t.line, "{{/%s}} closes a section that is not open", t.ref.name)
			return
		}
		if opened := s.open[last]; opened.ref.name != t.ref.name {
			s.fail(t.line, "{{/%s}} does not close the section that was opened last, %s of line %d", t.ref.name, jsondoc.Quote(opened.ref.name), opened.line)
		}
		s.open = s.open[:last]
	}
}

func (s *tagScanner) fail(line int, format string, args ...any) {
	s.problems = append(s.problems, fmt.Sprintf("line %d: %s", line, fmt.Sprintf(format, args...)))
}
