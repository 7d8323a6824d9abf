package smtp_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/mail/smtp"
)

var noTLS = smtp.Options{TLS: smtp.NoTLS}

func send(t *testing.T, m *smtp.Mailer, e automation.Email) string {
	t.Helper()
	id, err := m.SendEmail(t.Context(), e)
	require.NoError(t, err)
	return id
}

type inspectable struct{ rendering }

func (inspectable) InspectTemplate(_ context.Context, id string) (automation.TemplateInfo, error) {
	return automation.TemplateInfo{Published: true, Variables: []string{id}}, nil
}

func TestMailer_InspectTemplateCallsTheRenderer(t *testing.T) {
	t.Parallel()
	m, err := smtp.New("localhost", inspectable{hello}, smtp.Options{})
	require.NoError(t, err)
	info, err := m.InspectTemplate(t.Context(), "welcome")
	require.NoError(t, err)
	assert.Equal(t, automation.TemplateInfo{Published: true, Variables: []string{"welcome"}}, info)

	m, err = smtp.New("localhost", rendering(hello), smtp.Options{})
	require.NoError(t, err)
	_, err = m.InspectTemplate(t.Context(), "welcome")
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

// An error names the server only if the email got as far as the server.
func TestMailer_ErrorsBeforeSendingDoNotNameTheServer(t *testing.T) {
	t.Parallel()
	missing := rendering(func(context.Context, automation.Email) (mail.Message, error) {
		return mail.Message{}, errors.New(`template "hello": no variable NAME`)
	})
	unaddressed := rendering(func(context.Context, automation.Email) (mail.Message, error) {
		return mail.Message{From: "a@example.com", To: "ada", Subject: "Hello", Text: "Hello"}, nil
	})
	for name, tt := range map[string]struct {
		renderer rendering
		begin    string
	}{
		"rendering": {missing, `smtp: render the email: template "hello": no variable NAME`},
		"encoding":  {unaddressed, "smtp: compose the email: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := smtp.New("mail.example.com", tt.renderer, noTLS)
			require.NoError(t, err)
			_, err = m.SendEmail(t.Context(), email("k"))
			assertUnsent(t, err)
			assert.NotContains(t, err.Error(), "mail.example.com")
			assert.Regexp(t, "^"+tt.begin, err.Error())
		})
	}
}
