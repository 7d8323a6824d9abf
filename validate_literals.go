package automation

import (
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// taggedPath matches a path in the tags of a template language or of a shell, such as
// {{event.plan}}, {{{ event.plan|free }}} and ${event.plan}. The group is the path.
var taggedPath = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:\$\{|\{{2,3})\s*((?:event|trigger|contact|wait_events|steps|run)\.[^\s{}|]{1,100})\s*(?:\|[^{}[:cntrl:]]{0,100})?\}{1,3}`)
})

// findTag returns the first tag with a path in text, and the path. Both are empty if there
// is none.
func findTag(text string) (tag, path string) {
	if !strings.Contains(text, "{") || !utf8.ValidString(text) {
		return "", ""
	}
	found := taggedPath().FindStringSubmatch(text)
	if found == nil {
		return "", ""
	}
	return found[0], found[1]
}

// reference returns a reference to path in JSON.
func reference(path string) string { return Var(path).String() }

// validateLiteral warns about a tag in the text of a value.
func (c *stepValidator) validateLiteral(path, text string) {
	if tag, ref := findTag(text); tag != "" {
		c.warnf(CodeReferenceInText, path, "%s stays as it is, because nothing is replaced in the text of a value: "+
			"write %s as the whole value", tag, reference(ref))
	}
}

// validateHeaderLiteral warns about a tag in a header field. A mailer replaces variables
// there and can replace fields of the contact. It has no other data of the run.
func (c *stepValidator) validateHeaderLiteral(path, text string) {
	tag, ref := findTag(text)
	if tag == "" || strings.HasPrefix(ref, "contact.") {
		return
	}
	name := variableFor(ref)
	c.warnf(CodeReferenceInText, path, "%s is not replaced, because a mailer has no %s: "+
		"give the variable %q: %s, and write {{{%s}}} here", tag, dataOf(ref), name, reference(ref), name)
}

// dataOf returns in words what path reads.
func dataOf(path string) string {
	if strings.HasPrefix(path, "run.") || strings.HasPrefix(path, "steps.") {
		return "data of the run"
	}
	return "payloads of events"
}

// variableFor suggests the name of a variable for the data at path.
func variableFor(path string) string {
	last := path[strings.LastIndex(path, ".")+1:]
	name := strings.Map(func(r rune) rune {
		if r == '_' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' {
			return r
		}
		return -1
	}, strings.ToUpper(last))
	if name == "" {
		return "NAME"
	}
	return name
}

// validateRuleLiteral warns about a tag in the value of a rule.
func (c *stepValidator) validateRuleLiteral(path string, v Value) {
	if v.kind != valueString {
		return
	}
	if tag, ref := findTag(v.text); tag != "" {
		c.warnf(CodeReferenceInText, path, "%s stays as it is, because nothing is replaced in the value of a rule: "+
			"to compare with data, write %s as the whole value", tag, reference(ref))
	}
}
