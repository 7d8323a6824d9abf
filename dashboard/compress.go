package dashboard

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
)

// takesGzip reports whether the client of a request takes compressed answers.
func takesGzip(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
}

// compress compresses a body with gzip.
func compress(body []byte, level int) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, level) // the level is valid
	_, _ = w.Write(body)                   // a bytes.Buffer does not fail
	_ = w.Close()
	return b.Bytes()
}

// write writes a body, compressed if the client takes that.
func (x *exchange) write(status int, body []byte) {
	header := x.w.Header()
	header.Add("Vary", "Accept-Encoding")
	if takesGzip(x.r) {
		header.Set("Content-Encoding", "gzip")
		body = compress(body, gzip.BestSpeed)
	}
	x.w.WriteHeader(status)
	_, _ = x.w.Write(body) // the client is gone
}
