package resend_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/resend"
)

// refusal is an error in Resend's form.
func refusal(status int, name string, header ...string) http.HandlerFunc {
	return says(status, fmt.Sprintf(`{"statusCode":%d,"name":%q,"message":"Something about it."}`, status, name), header...)
}

// failure sends an email to an API with this answer, and returns the error.
func failure(t *testing.T, answer http.HandlerFunc) error {
	t.Helper()
	id, err := newAPI(t, answer).mailer(resend.Options{}).SendEmail(t.Context(), welcome())
	require.Error(t, err)
	assert.Empty(t, id)
	assert.NotContains(t, err.Error(), apiKey)
	return err
}

func TestSendEmail_MarksPermanentErrors(t *testing.T) {
	t.Parallel()
	type marks struct{ permanent, unknown bool }
	again, never, doubt := marks{}, marks{permanent: true}, marks{unknown: true}
	tests := []struct {
		status int
		name   string
		want   marks
	}{
		{400, "invalid_idempotency_key", never},
		{400, "validation_error", never},
		{401, "missing_api_key", never},
		{401, "restricted_api_key", never},
		{403, "invalid_api_key", never},
		{403, "validation_error", never},
		{404, "not_found", never},
		{405, "method_not_allowed", never},
		{408, "", again},
		{409, "resource_conflict", never},
		{422, "invalid_from_address", never},
		{422, "missing_required_field", never},
		{425, "", again},
		{451, "security_error", never},
		{500, "application_error", again},
		{500, "internal_server_error", again},
		{502, "", doubt},
		{503, "service_unavailable", again},
		{504, "", doubt},
		{302, "", again},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status, tt.name), func(t *testing.T) {
			t.Parallel()
			err := failure(t, refusal(tt.status, tt.name))
			var said *resend.Error
			require.ErrorAs(t, err, &said)
			assert.Equal(t, resend.Error{StatusCode: tt.status, Name: tt.name, Message: "Something about it."}, *said)
			assert.ErrorContains(t, err, strings.TrimSpace(fmt.Sprint(tt.status, " ", tt.name))+": Something about it.")
			require.NotErrorAs(t, err, new(*automation.RateLimitError))
			if tt.want.permanent {
				require.ErrorIs(t, err, automation.ErrPermanent)
			} else {
				require.NotErrorIs(t, err, automation.ErrPermanent)
			}
			if tt.want.unknown {
				require.ErrorIs(t, err, automation.ErrOutcomeUnknown)
			} else {
				require.NotErrorIs(t, err, automation.ErrOutcomeUnknown)
			}
		})
	}
}

func TestSendEmail_WaitsAsLongAsTheAnswerRequires(t *testing.T) {
	t.Parallel()
	const now = "Sun, 01 Mar 2026 09:00:00 GMT"
	tests := map[string]struct {
		status int
		name   string
		header []string
		want   time.Duration
	}{
		"seconds":                 {429, "rate_limit_exceeded", []string{"Retry-After", "7", "Ratelimit-Reset", "1"}, 7 * time.Second},
		"a fraction":              {429, "rate_limit_exceeded", []string{"Retry-After", "0.5"}, 500 * time.Millisecond},
		"a date":                  {429, "rate_limit_exceeded", []string{"Retry-After", "Sun, 01 Mar 2026 09:02:00 GMT", "Date", now}, 2 * time.Minute},
		"a date in the past":      {429, "rate_limit_exceeded", []string{"Retry-After", "Sun, 01 Mar 2026 08:00:00 GMT", "Date", now}, 0},
		"a date without a clock":  {429, "rate_limit_exceeded", []string{"Retry-After", "Sun, 01 Mar 2026 08:00:00 GMT", "Date", "?"}, 0},
		"only the window":         {429, "rate_limit_exceeded", []string{"Ratelimit-Reset", "3"}, 3 * time.Second},
		"nonsense":                {429, "rate_limit_exceeded", []string{"Retry-After", "soon", "Ratelimit-Reset", "-3"}, 0},
		"not a number":            {429, "rate_limit_exceeded", []string{"Retry-After", "NaN"}, 0},
		"for ever":                {429, "rate_limit_exceeded", []string{"Retry-After", "Inf"}, 24 * time.Hour},
		"nothing":                 {429, "rate_limit_exceeded", nil, 0},
		"a proxy's":               {429, "", []string{"Retry-After", "7"}, 7 * time.Second},
		"daily quota":             {429, "daily_quota_exceeded", []string{"Ratelimit-Reset", "1"}, time.Hour},
		"monthly quota":           {429, "monthly_quota_exceeded", nil, time.Hour},
		"quota that says so":      {429, "daily_quota_exceeded", []string{"Retry-After", "90"}, 90 * time.Second},
		"the attempt before":      {409, "concurrent_idempotent_requests", nil, 0},
		"the attempt before, 2 s": {409, "concurrent_idempotent_requests", []string{"Retry-After", "2"}, 2 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := failure(t, refusal(tt.status, tt.name, tt.header...))
			var limited *automation.RateLimitError
			require.ErrorAs(t, err, &limited)
			assert.Equal(t, tt.want, limited.After)
			var said *resend.Error
			require.ErrorAs(t, err, &said)
			assert.Equal(t, tt.name, said.Name)
			require.NotErrorIs(t, err, automation.ErrPermanent)
		})
	}
}

// Resend sent an email with this key before.
func TestSendEmail_AKeyThatWasUsedForAnotherContentIsASuccess(t *testing.T) {
	t.Parallel()
	id, err := newAPI(t, refusal(409, "invalid_idempotent_request")).mailer(resend.Options{}).SendEmail(t.Context(), welcome())
	require.NoError(t, err)
	assert.Empty(t, id)
}

func TestSendEmail_ErrorsRepeatNoSecretAndNoForeignAnswer(t *testing.T) {
	t.Parallel()
	err := failure(t, says(502, "<html>Bad gateway: "+apiKey+"</html>"))
	assert.ErrorContains(t, err, "resend: 502: Bad Gateway")
	err = failure(t, says(401, `{"name":"x\ny","message":"key `+apiKey+"\\r\\nis "+strings.Repeat("ü", 1000)+`"}`))
	var said *resend.Error
	require.ErrorAs(t, err, &said)
	assert.Equal(t, "x y", said.Name)
	assert.True(t, strings.HasPrefix(said.Message, "key [API key]  is üü"))
	assert.True(t, strings.HasSuffix(said.Message, "ü…"))
	assert.Less(t, len(err.Error()), 600)
}

func TestSendEmail_DoesNotFollowRedirects(t *testing.T) {
	t.Parallel()
	elsewhere := newAPI(t, accepts)
	for _, status := range []int{301, 302, 307, 308} {
		a := newAPI(t, says(status, "", "Location", elsewhere.server.URL))
		for _, client := range []*http.Client{nil, {}} {
			_, err := a.mailer(resend.Options{Client: client}).SendEmail(t.Context(), welcome())
			require.Error(t, err)
		}
	}
	assert.Empty(t, elsewhere.all())
}

func TestSendEmail_MarksUnknownOutcomes(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	hangsUp := newAPI(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	resets := newAPI(t, reset)
	for name, tt := range map[string]struct {
		base    string
		unknown bool
	}{
		"no server":        {closed.URL, false},
		"the line is dead": {hangsUp.server.URL, true},
		"the line is cut":  {resets.server.URL, true},
	} {
		_, err := hangsUp.mailer(resend.Options{BaseURL: tt.base}).SendEmail(t.Context(), welcome())
		require.Error(t, err, name)
		require.NotErrorIs(t, err, automation.ErrPermanent, name)
		assert.NotContains(t, err.Error(), apiKey, name)
		if tt.unknown {
			require.ErrorIs(t, err, automation.ErrOutcomeUnknown, name)
		} else {
			require.NotErrorIs(t, err, automation.ErrOutcomeUnknown, name)
		}
	}
}

// reset drops the connection with a TCP reset.
func reset(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

func TestSendEmail_ReturnsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	a := newAPI(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	m := a.mailer(resend.Options{})
	_, err := m.SendEmail(ctx, welcome())
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, automation.ErrOutcomeUnknown)

	_, err = m.SendEmail(ctx, welcome())
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, automation.ErrOutcomeUnknown, "it was not even tried")
	a.asked()
}

func TestSendEmail_ReadsNoEndlessAnswer(t *testing.T) {
	t.Parallel()
	err := failure(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		for {
			if _, err := io.WriteString(w, strings.Repeat("x", 1<<16)); err != nil {
				return
			}
		}
	})
	assert.ErrorContains(t, err, "500: Internal Server Error")
}
