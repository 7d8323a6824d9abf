package httpapi

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// maxNesting is how deep a body may nest. The values that the Runner reads, such as
// graphs and payloads, have lower limits of their own, and their own error messages.
const maxNesting = 10_000

// readBody returns the whole body of a request.
func readBody(r *http.Request) ([]byte, error) {
	data, err := io.ReadAll(r.Body)
	var tooLong *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLong) {
		err = &failure{http.StatusBadRequest, nameInvalid, "the body of the request ended too early"}
	}
	return data, err
}

// readJSON returns the whole body of a request, and a reader of the JSON value in it.
func readJSON(r *http.Request) ([]byte, *reader, error) {
	data, err := readBody(r)
	if err != nil {
		return nil, nil, err
	}
	body, err := newReader(data)
	return data, body, err
}

// newReader fails unless data is one JSON value and nothing else.
func newReader(data []byte) (*reader, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, flawed(automation.CodeSyntax, "", "it is empty")
	}
	doc, err := jsondoc.ScanWithin(data, maxNesting)
	if err != nil {
		return nil, flawed(automation.CodeSyntax, "", err.Error())
	}
	return &reader{Doc: doc}, nil
}

// readFields reads the body of a request, a JSON object of these fields. All problems
// of the body are reported together.
func readFields(r *http.Request, fields ...field) error {
	data, err := readBody(r)
	if err != nil {
		return err
	}
	return decode(data, fields)
}

// readOptionalFields is readFields for a call that needs no body. Clients set the
// content type even without a body.
func readOptionalFields(r *http.Request, fields ...field) error {
	data, err := readBody(r)
	if err != nil {
		return err
	}
	if body := string(bytes.TrimSpace(data)); body == "" || body == "null" {
		return nil
	}
	return decode(data, fields)
}

func decode(data []byte, fields []field) error {
	body, err := newReader(data)
	if err != nil {
		return err
	}
	body.object(0, fields)
	return body.problems.Err("request")
}
