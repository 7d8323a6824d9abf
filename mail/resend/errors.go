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

// Error is Resend's answer to a request that it refused.
type Error struct {
	// StatusCode is the HTTP status.
	StatusCode int
	// Name is Resend's name for the error, such as validation_error. It is empty if
	// the answer is not Resend's, but a proxy's, for example.
	Name string
	// Message explains the error, for people.
	Message string
}

// Error returns the status, the name and the message.
func (e *Error) Error() string {
	text := strconv.Itoa(e.StatusCode)
	if e.Name != "" {
		text += " " + e.Name
	}
	return text + ": " + e.Message
}

// The names of errors that need more than their status.
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

// refused returns the error of an answer, marked for the Runner as a rate limit, as
// permanent, or not at all.
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

// maxMessageBytes bounds an error's message, because it is recorded with each attempt.
const maxMessageBytes = 500

// readError does not repeat an answer that is not Resend's.
func (m *Mailer) readError(code int, answer []byte) *Error {
	var answered struct{ Name, Message string }
	if json.Unmarshal(answer, &answered) != nil || answered.Name == "" && answered.Message == "" {
		return &Error{StatusCode: code, Message: http.StatusText(code)}
	}
	return &Error{StatusCode: code, Name: m.oneLine(answered.Name), Message: m.oneLine(answered.Message)}
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
	// quotaWait is the wait after a quota is used up, if the answer has no Retry-After:
	// quotas are counted by the day or the month.
	quotaWait = time.Hour
	maxWait   = 24 * time.Hour
)

// waitOf returns how long to wait. Zero leaves the wait to the retry policy.
// Ratelimit-Reset is about requests a second, so it is not used for a quota.
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

// retryAfter reads the header Retry-After, which holds seconds or a date. A date is
// compared with the server's own clock.
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
