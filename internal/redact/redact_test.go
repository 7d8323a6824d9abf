package redact_test

import (
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation/internal/redact"
)

func TestText_HasNoAddress(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                   "",
		"connection refused":                 "connection refused",
		"no user ada@example.com":            "no user [email]",
		`key (email)=("Ada@Example.com")`:    `key (email)=("[email]")`,
		"<ada@example.com>: bounced":         "<[email]>: bounced",
		"a@example.com, b@example.org: full": "[email], [email]: full",
		"/go/pkg/mod/github.com/jackc/pgx/v5@v5.12.0/conn.go:1": "/go/pkg/mod/github.com/jackc/pgx/v5@v5.12.0/conn.go:1",
	} {
		assert.Equal(t, want, redact.Text(text), text)
	}
}

func TestError_KeepsAnErrorWithoutAddress(t *testing.T) {
	t.Parallel()
	assert.Same(t, io.EOF, redact.Error(io.EOF))
	assert.EqualError(t, redact.Error(errors.New("to ada@example.com: full")), "to [email]: full")
}
