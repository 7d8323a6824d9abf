package dashboard

import (
	"errors"
	"strings"

	"github.com/seed-b636437c/automation"
)

// fieldProblems are what is wrong with the fields of a form, by their names. What concerns
// no field has the name "".
type fieldProblems map[string][]string

// add adds a problem of a field.
func (p fieldProblems) add(field, problem string) { p[field] = append(p[field], problem) }

// problemsBy sorts the problems of a *ValidationError by the fields of a form: place returns
// the field for the path of a problem, and what of the path the field does not show. It
// returns nil for any other error.
func problemsBy(err error, place func(path string) (field, rest string)) fieldProblems {
	var invalid *automation.ValidationError
	if !errors.As(err, &invalid) {
		return nil
	}
	found := fieldProblems{}
	for _, p := range invalid.Problems {
		field, rest := place(p.Path)
		found.add(field, strings.TrimSpace(rest+" "+p.Message))
	}
	return found
}
