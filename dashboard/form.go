package dashboard

import (
	"errors"
	"net/http"
)

// formValue returns a value of the form that was sent.
func (x *exchange) formValue(name string) (string, error) {
	var tooLong *http.MaxBytesError
	switch err := x.r.ParseForm(); {
	case errors.As(err, &tooLong):
		return "", err
	case err != nil:
		return "", badInput("This form cannot be read", "Reload the page that it belongs to, and try again. Nothing was changed.")
	}
	return x.r.PostForm.Get(name), nil
}
