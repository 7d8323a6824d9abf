package contactimport

import (
	"errors"
	"fmt"
	"strings"

	"github.com/seed-b636437c/automation"
)

// Report is the result of an import. If the import broke off, Report is about the lines that
// were done before.
type Report struct {
	Counts
	// Errors are the first errors of lines, in the order of the file.
	Errors []LineError
	// Ignored are the names of the columns that were not imported.
	Ignored []string
}

// Counts count the lines of a file, without the first one and empty ones. Total is the sum
// of the others.
type Counts struct {
	Total, Created, Updated, Skipped, Failed int
}

// LineError is a line that changed nothing.
type LineError struct {
	// Line is the number of the line in the file, at which it begins. The line with the
	// names of the columns is line 1.
	Line int
	// Err is what is wrong: an *automation.ValidationError, or an error that wraps
	// automation.ErrConflict because of a race with other changes to the contact.
	Err error
}

func (e LineError) Error() string {
	var flawed *automation.ValidationError
	if !errors.As(e.Err, &flawed) {
		return fmt.Sprintf("line %d: %v", e.Line, e.Err)
	}
	texts := make([]string, len(flawed.Problems))
	for i, p := range flawed.Problems {
		texts[i] = p.String()
	}
	return fmt.Sprintf("line %d: %s", e.Line, strings.Join(texts, "; "))
}

// Unwrap returns Err.
func (e LineError) Unwrap() error { return e.Err }

// outcome is what became of one line.
type outcome uint8

const (
	undone outcome = iota // the import broke off before
	failed
	created
	updated
	skipped
)

// add counts the outcome of a line.
func (r *Report) add(line int, o outcome, err error, maxErrors int) {
	switch o {
	case created:
		r.Created++
	case updated:
		r.Updated++
	case skipped:
		r.Skipped++
	case failed:
		r.Failed++
		if len(r.Errors) < maxErrors {
			r.Errors = append(r.Errors, LineError{line, err})
		}
	case undone:
		return
	}
	r.Total++
}
