package main

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
)

// shown are the header fields that show prints.
var shown = []string{"From", "To", "Subject", "List-Unsubscribe", "List-Unsubscribe-Post"}

// show prints a message in the form of a mail program without HTML.
func show(w io.Writer, raw []byte) error {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	text, err := plainText(m)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, name := range shown {
		value, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get(name))
		if err != nil {
			return err
		}
		if value != "" {
			fmt.Fprintf(&b, "  | %s: %s\n", name, value)
		}
	}
	b.WriteString("  |\n")
	for line := range strings.Lines(strings.TrimSpace(text)) {
		fmt.Fprintln(&b, strings.TrimRight("  | "+line, " \r\n"))
	}
	_, err = fmt.Fprintln(w, b.String())
	return err
}

// plainText returns the first part of a message, which is its text.
func plainText(m *mail.Message) (string, error) {
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return "", err
	}
	body := m.Body
	if strings.HasPrefix(kind, "multipart/") {
		if body, err = multipart.NewReader(m.Body, params["boundary"]).NextPart(); err != nil {
			return "", err
		}
	} else if m.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
		body = quotedprintable.NewReader(m.Body)
	}
	text, err := io.ReadAll(body)
	return string(text), err
}
