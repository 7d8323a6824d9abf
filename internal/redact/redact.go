// Package redact removes email addresses from what is logged.
package redact

import (
	"errors"
	"fmt"
	"regexp"
)

// An email address in a text, and the version of a Go module in a stack trace, which has
// the same form.
var (
	addressInText = regexp.MustCompile("[^\\s\"`<>()\\[\\]{},;]+@[^\\s\"'`<>()\\[\\]{},;:/\\\\]+")
	moduleVersion = regexp.MustCompile(`@v\d+\.\d+\.\d+`)
)

// Error returns err or, if its text contains email addresses, an error with the text
// without them. Databases, mailers and contact directories may quote an address in an
// error, and logs must not contain any.
func Error(err error) error {
	text := fmt.Sprint(err) // unlike the method Error, it survives a nil pointer in err
	kept := Text(text)
	if kept == text {
		return err
	}
	return errors.New(kept)
}

// Text returns the text without the email addresses in it.
func Text(text string) string {
	return addressInText.ReplaceAllStringFunc(text, func(found string) string {
		if moduleVersion.MatchString(found) {
			return found
		}
		return "[email]"
	})
}
