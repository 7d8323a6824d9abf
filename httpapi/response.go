package httpapi

import (
	"net/http"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// encode returns body as JSON. It can fail, because a contact of the host's may hold a
// value that has no JSON.
func encode(body any) ([]byte, error) {
	text, err := jsondoc.Encode(body)
	return append(text, '\n'), err
}

// respond writes an answer. An error of writing is ignored, because the client is gone
// then.
func respond(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// timestamp is a time in Resend's form. The zero time is null.
type timestamp time.Time

// MarshalJSON implements json.Marshaler.
func (t timestamp) MarshalJSON() ([]byte, error) {
	if time.Time(t).IsZero() {
		return []byte("null"), nil
	}
	return []byte(time.Time(t).UTC().Format(`"2006-01-02 15:04:05.000000+00"`)), nil
}

// nullable returns nil, which is null in JSON, for a text that is unset.
func nullable(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// reference is the answer to a call that created or changed one object.
type reference struct {
	Object string `json:"object"`
	ID     string `json:"id"`
}

// deleted is the answer to a call that deleted one object.
type deleted struct {
	Object  string `json:"object"`
	ID      string `json:"id"`
	Deleted bool   `json:"deleted"`
}

// list is the answer to a call that lists objects.
type list[T any] struct {
	Object  string `json:"object"`
	HasMore bool   `json:"has_more"`
	Data    []T    `json:"data"`
}

func listOf[T, R any](page automation.Page[T], item func(T) R) list[R] {
	l := list[R]{Object: "list", HasMore: page.HasMore, Data: make([]R, len(page.Data))}
	for i := range page.Data {
		l.Data[i] = item(page.Data[i])
	}
	return l
}
