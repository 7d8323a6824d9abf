package dashboard

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// readForm reads the form of a change, before anything is changed.
func (x *exchange) readForm() error {
	var tooLong *http.MaxBytesError
	switch err := x.r.ParseForm(); {
	case errors.As(err, &tooLong):
		return err
	case err != nil || !areTexts(x.r.PostForm):
		return badInput("This form cannot be read", "Reload the page that it belongs to, and try again. Nothing was changed.")
	}
	return nil
}

// isText reports whether a string is one that every store can keep and compare: UTF-8
// without NUL. Browsers send no other.
func isText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

func areTexts(fields url.Values) bool {
	for _, values := range fields {
		if slices.ContainsFunc(values, func(s string) bool { return !isText(s) }) {
			return false
		}
	}
	return true
}

// formValue returns a value of the form that was sent.
func (x *exchange) formValue(name string) string { return x.r.PostForm.Get(name) }

// revision returns the revision of the automation that the person saw.
func (x *exchange) revision() (int, error) {
	n, err := strconv.Atoi(x.formValue("revision"))
	if err != nil || n < 1 {
		return 0, badInput("This form is incomplete", "Reload the page that it belongs to, and try again. Nothing was changed.")
	}
	return n, nil
}

// typedInput is an input for a value of a type: the part "typed-input" of a page.
type typedInput struct {
	Input       string // its name
	Type        string // string, number, boolean, date, or "" for any
	Value       string
	Placeholder string
	Problems    []string
}
