package smtp_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
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
