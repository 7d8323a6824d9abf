package resend

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/seed-b636437c/automation"
)

// Error is what Resend says about a request that it refused.
type Error struct {
	// StatusCode is the HTTP status.
	StatusCode int
	// Name is Resend's name for the error, such as validation_error. It is empty if
	// the answer did not come from Resend, but from a proxy, say.
	Name string
	// Message explains it, for people.
	Message string
}

func (e *Error) Error() string {
	text := strconv.Itoa(e.StatusCode)
	if e.Name != "" {
		text += " " + e.Name
	}
	return text + ": " + e.Message
}

// The names of errors that are more than their status.
const (
	nameOtherContent = "invalid_idempotent_request"
	nameConcurrent   = "concurrent_idempotent_requests"
	nameDailyQuota   = "daily_quota_exceeded"
	nameMonthlyQuota = "monthly_quota_exceeded"
	nameSendingOnly  = "restricted_api_key"
)

func hasName(err error, name string) bool {
	e := (*Error)(nil)
	return errors.As(err, &e) && e.Name == name
}

// refused returns the error that an answer stands for, marked with what the Runner
// has to know.
func (m *Mailer) refused(resp *http.Response, answer []byte) error {
	e := m.readError(resp.StatusCode, answer)
	err := fmt.Errorf("resend: %w", e)
	switch code := e.StatusCode; {
	case code == http.StatusTooManyRequests, e.Name == nameConcurrent:
		return &automation.RateLimitError{After: waitOf(e.Name, resp.Header), Err: err}
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly:
		return err
	case code >= 400 && code < 500:
		return automation.Permanent(err)
	default:
		return err
	}
}

// maxMessageBytes of an error's message are kept: it is recorded with each attempt.
const maxMessageBytes = 500

// readError never repeats an answer that is not Resend's.
func (m *Mailer) readError(code int, answer []byte) *Error {
	var said struct{ Name, Message string }
	if json.Unmarshal(answer, &said) != nil || said.Name == "" && said.Message == "" {
		return &Error{StatusCode: code, Message: http.StatusText(code)}
	}
	return &Error{StatusCode: code, Name: m.oneLine(said.Name), Message: m.oneLine(said.Message)}
}

// oneLine makes text fit for a log: short, printable, without the API key.
func (m *Mailer) oneLine(text string) string {
	text = strings.ReplaceAll(text, m.apiKey, "[API key]")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	if len(text) > maxMessageBytes {
		text = strings.ToValidUTF8(text[:maxMessageBytes], "") + "…"
	}
	return text
}

const (
	// quotaWait is for a quota that is used up, if Resend does not say how long: it
	// is counted by the day or the month.
	quotaWait = time.Hour
	maxWait   = 24 * time.Hour
)

// waitOf is how long to wait. Zero leaves that to the retry policy. What
// ratelimit-reset says is about requests a second, not about quotas.
func waitOf(name string, h http.Header) time.Duration {
	if d, ok := retryAfter(h); ok {
		return d
	}
	if name == nameDailyQuota || name == nameMonthlyQuota {
		return quotaWait
	}
	d, _ := seconds(h.Get("Ratelimit-Reset"))
	return d
}

// retryAfter reads seconds or a date, which it compares with the server's own clock.
func retryAfter(h http.Header) (time.Duration, bool) {
	value := h.Get("Retry-After")
	if d, ok := seconds(value); ok {
		return d, true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0, false
	}
	return min(max(at.Sub(now), 0), maxWait), true
}

func seconds(text string) (time.Duration, bool) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0) { // NaN is not
		return 0, false
	}
	return time.Duration(min(n, maxWait.Seconds()) * float64(time.Second)), true
}
