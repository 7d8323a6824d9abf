package log_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/log"
)

func TestMailer_PrintsTheEmail(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		email automation.Email
		want  string
	}{
		"the least": {automation.Email{To: "ada@example.com", TemplateID: "hello", Attempt: 1},
			"email to \"ada@example.com\": template \"hello\"\n"},
		"overrides": {automation.Email{To: "a@b.c", TemplateID: "t", From: "Shop <s@b.c>", Subject: "Hi", ReplyTo: "r@b.c"},
			"email to \"a@b.c\": template \"t\", from \"Shop <s@b.c>\", subject \"Hi\", reply_to \"r@b.c\"\n"},
		"a later attempt": {automation.Email{To: "a@b.c", TemplateID: "t", Attempt: 2},
			"email to \"a@b.c\": template \"t\", attempt 2\n"},
		"variables, in order": {automation.Email{To: "a@b.c", TemplateID: "t", Variables: map[string]any{"B": json.Number("1e21"), "A": true, "C": "x y"}},
			"email to \"a@b.c\": template \"t\"\n  A = \"true\"\n  B = \"1e21\"\n  C = \"x y\"\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			_, err := log.New(&out).SendEmail(t.Context(), tt.email)
			require.NoError(t, err)
			assert.Equal(t, tt.want, out.String())
		})
	}
}

// An event cannot forge a line, or control the terminal.
func TestMailer_KeepsValuesOnTheirLine(t *testing.T) {
	t.Parallel()
	const evil = "x\r\nemail to \x1b[31m"
	var out strings.Builder
	_, err := log.New(&out).SendEmail(t.Context(), automation.Email{
		To: evil, TemplateID: evil, From: evil, Subject: evil, ReplyTo: evil, Variables: map[string]any{"A": evil, evil: "A"},
	})
	require.NoError(t, err)
	assert.Equal(t, 3, strings.Count(out.String(), "\n"))
	assert.NotContains(t, out.String(), "\r")
	assert.NotContains(t, out.String(), "\x1b")
}

func TestMailer_CountsItsEmails(t *testing.T) {
	t.Parallel()
	m := log.New(&strings.Builder{})
	for _, want := range []string{"log-1", "log-2"} {
		id, err := m.SendEmail(t.Context(), automation.Email{To: "a@b.c"})
		require.NoError(t, err)
		assert.Equal(t, want, id)
	}
}

// full is a writer that fails.
type full struct{ err error }

func (f full) Write([]byte) (int, error) { return 0, f.err }

func TestMailer_FailsIfItCannotPrint(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk full")
	_, err := log.New(full{cause}).SendEmail(t.Context(), automation.Email{To: "a@b.c"})
	assert.ErrorIs(t, err, cause)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out strings.Builder
	_, err = log.New(&out).SendEmail(ctx, automation.Email{To: "a@b.c"})
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, out.String())
}

func TestMailer_PrintsEmailsWhole(t *testing.T) {
	t.Parallel()
	var out strings.Builder // guarded by the mailer
	m := log.New(&out)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			_, err := m.SendEmail(t.Context(), automation.Email{To: "a@b.c", TemplateID: "t", Variables: map[string]any{"A": 1}})
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	assert.Equal(t, strings.Repeat("email to \"a@b.c\": template \"t\"\n  A = \"1\"\n", 20), out.String())
}
