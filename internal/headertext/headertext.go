// Package headertext holds the rule for the text of an email's header fields.
package headertext

import (
	"strings"
	"unicode"
)

// HasControl reports whether s contains a character that no header field may contain: a
// line break, or another control character. A tab is white space there.
func HasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\t' })
}
