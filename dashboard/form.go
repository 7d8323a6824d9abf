package dashboard

import (
	"errors"
	"net/http"
	"strconv"
)

// readForm reads the form of a change, before anything is changed.
func (x *exchange) readForm() error {
	var tooLong *http.MaxBytesError
	switch err := x.r.ParseForm(); {
	case errors.As(err, &tooLong):
		return err
	case err != nil:
		return badInput("This form cannot be read", "Reload the page that it belongs to, and try again. Nothing was changed.")
	}
	return nil
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
