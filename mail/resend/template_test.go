package resend_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/resend"
)

func TestInspectTemplate_DescribesTheTemplateAtResend(t *testing.T) {
	t.Parallel()
	for status, published := range map[string]bool{"published": true, "draft": false} {
		a := newAPI(t, says(200, `{"object":"template","id":"34a080c9","status":"`+status+`","published_at":null,
			"variables":[{"id":"e1","key":"PRODUCT","type":"string","fallback_value":"item"},{"id":"e2","key":"PRICE","type":"number","fallback_value":0},{"id":"e3","key":"TEAM","type":"string","fallback_value":null}]}`))
		info, err := a.mailer(resend.Options{}).InspectTemplate(t.Context(), "größe/1?")
		require.NoError(t, err)
		assert.Equal(t, automation.TemplateInfo{Published: published, Variables: []string{"PRODUCT", "PRICE", "TEAM"}, Required: []string{"TEAM"}}, info)
		asked := a.asked()
		assert.Equal(t, "GET /templates/gr%C3%B6%C3%9Fe%2F1%3F", asked.method+" "+asked.path)
		assert.Equal(t, "Bearer "+apiKey, asked.header.Get("Authorization"))
		assert.NotContains(t, asked.header, "Idempotency-Key")
		assert.NotContains(t, asked.header, "Content-Type")
	}
}

func TestInspectTemplate_ReportsWhyItFails(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer    http.HandlerFunc
		want, not error
	}{
		"no such template": {refusal(404, "not_found"), automation.ErrNotFound, errors.ErrUnsupported},
		"sending only":     {refusal(401, "restricted_api_key"), errors.ErrUnsupported, automation.ErrNotFound},
		"wrong key":        {refusal(403, "invalid_api_key"), automation.ErrPermanent, errors.ErrUnsupported},
	}
	for name, tt := range tests {
		_, err := newAPI(t, tt.answer).mailer(resend.Options{}).InspectTemplate(t.Context(), "welcome")
		require.ErrorIs(t, err, tt.want, name)
		require.NotErrorIs(t, err, tt.not, name)
		require.NotErrorIs(t, err, automation.ErrOutcomeUnknown, name)
		assert.ErrorContains(t, err, `template "welcome"`)
	}
	a := newAPI(t, accepts)
	_, err := a.mailer(resend.Options{}).InspectTemplate(t.Context(), "")
	require.ErrorIs(t, err, automation.ErrNotFound)
	assert.Empty(t, a.all())
}

// inspector is a renderer that describes its templates.
type inspector struct{ renderer }

func (inspector) InspectTemplate(context.Context, string) (automation.TemplateInfo, error) {
	return automation.TemplateInfo{Published: true, Variables: []string{"NAME"}}, nil
}

func TestInspectTemplate_CallsTheRenderer(t *testing.T) {
	t.Parallel()
	a := newAPI(t, accepts)
	info, err := a.mailer(resend.Options{Renderer: inspector{}}).InspectTemplate(t.Context(), "welcome")
	require.NoError(t, err)
	assert.Equal(t, automation.TemplateInfo{Published: true, Variables: []string{"NAME"}}, info)
	_, err = a.mailer(resend.Options{Renderer: renderer{}}).InspectTemplate(t.Context(), "welcome")
	require.ErrorIs(t, err, errors.ErrUnsupported)
	assert.Empty(t, a.all())
}
