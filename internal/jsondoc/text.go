package jsondoc

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxQuoted bounds the bytes of a caller's text that a message repeats.
const MaxQuoted = 80

// Quote returns s in quotes. It cuts a long s after MaxQuoted bytes.
func Quote[S ~string](s S) string {
	if len(s) <= MaxQuoted {
		return strconv.Quote(string(s))
	}
	return strconv.Quote(strings.ToValidUTF8(string(s[:MaxQuoted]), "")) + "…"
}

// Shorten cuts the middle out of a long message. It is for messages of other code,
// which may repeat a long text of the caller.
func Shorten(message string) string {
	const head, tail = 3 * MaxQuoted, MaxQuoted
	if len(message) <= head+tail {
		return message
	}
	return strings.ToValidUTF8(message[:head], "") + "…" + strings.ToValidUTF8(message[len(message)-tail:], "")
}

// AppendString appends s as a JSON string. Unlike json.Marshal it does not escape <, >
// and &, which would make documents hard to read.
func AppendString(dst []byte, s string) []byte {
	if isPlain(s) {
		dst = append(dst, '"')
		dst = append(dst, s...)
		return append(dst, '"')
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	// Encoding a string into a strings.Builder cannot fail.
	_ = enc.Encode(s)
	return append(dst, strings.TrimSuffix(b.String(), "\n")...)
}

// isPlain reports whether s needs no escapes in JSON.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Encode encodes v as JSON. Unlike json.Marshal it does not escape <, > and &.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
