package smtp_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/mail/archive"
	"github.com/seed-b636437c/automation/mail/smtp"
)

// keeping is a function that is an Archive.
type keeping func(ctx context.Context, id string, m mail.Message) error

func (f keeping) Keep(ctx context.Context, id string, m mail.Message) error { return f(ctx, id, m) }

// archived returns options for a server on this machine.
func archived(a mail.Archive, log *bytes.Buffer) smtp.Options {
	return smtp.Options{TLS: smtp.NoTLS, Archive: a, Logger: slog.New(slog.NewTextHandler(log, nil))}
}

func TestArchive_HasWhatTheServerAccepted(t *testing.T) {
	t.Parallel()
	copies, err := archive.Open(t.TempDir())
	require.NoError(t, err)
	var log bytes.Buffer
	sent := mail.Message{From: "Shop <shop@example.com>", To: "Ada <ada@bücher.example>", Subject: "Grüße", HTML: "<p>Hi</p>", Text: "Hi", UnsubscribeURL: "https://acme.example/u?t=1"}
	id := send(t, mailerFor(t, openInbox(t, nil).addr, always(sent), archived(copies, &log)), email("a"))
	kept, err := copies.SentEmail(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, sent, kept)
	assert.Empty(t, log.String())
}

func TestArchive_LacksWhatTheServerRefused(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	for _, verb := range []string{"RCPT", "MESSAGE"} {
		s := runScript(t, answer(verb, "550 5.1.1 no"))
		m := mailerFor(t, s.addr, hello, archived(keeping(func(context.Context, string, mail.Message) error {
			t.Error("a copy was kept")
			return nil
		}), &log))
		_, err := m.SendEmail(t.Context(), email("a"))
		require.ErrorIs(t, err, automation.ErrPermanent)
	}
}

func TestArchive_ThatFailsSendsNoEmailAgain(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"error":     func() error { return errors.New("disk full") },
		"permanent": func() error { return automation.Permanent(errors.New("disk full")) },
		"panic":     func() error { panic("disk full") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			s := runScript(t, friendly)
			m := mailerFor(t, s.addr, hello, archived(keeping(func(context.Context, string, mail.Message) error { return fail() }), &log))
			run := play(t, m, automation.AtLeastOnce)
			assert.Equal(t, automation.RunCompleted, run.Status)
			assert.Empty(t, run.Steps[1].Attempts)
			assert.Len(t, s.data(), 1)
			assert.Contains(t, log.String(), "disk full")
			assert.NotContains(t, log.String(), "Hi there", "no body")
			assert.NotContains(t, log.String(), "ada@example.com", "and no address")
		})
	}
}

func TestArchive_OutlivesTheContextOfTheEmail(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var log bytes.Buffer
	m := mailerFor(t, runScript(t, friendly).addr, hello, archived(keeping(func(keep context.Context, _ string, _ mail.Message) error {
		cancel() // the Runner stops
		deadline, ok := keep.Deadline()
		assert.True(t, ok)
		assert.Less(t, time.Until(deadline), 10*time.Second)
		return keep.Err()
	}), &log))
	_, err := m.SendEmail(ctx, email("a"))
	require.NoError(t, err)
	assert.Empty(t, log.String())
}

func TestNew_RefusesANilArchive(t *testing.T) {
	t.Parallel()
	_, err := smtp.New("smtp.example.com", rendering(hello), smtp.Options{Archive: (*archive.Archive)(nil)})
	require.ErrorContains(t, err, "Archive")
}
