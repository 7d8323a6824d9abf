package resend

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/seed-b636437c/automation"
)

const (
	userAgent = "automation-go"
	// maxKeyChars is the length that Resend allows for an idempotency key.
	maxKeyChars = 256
	// maxAnswerBytes bounds how much of an answer is read. A template can be large.
	maxAnswerBytes = 4 << 20
)

// post sends in as JSON and reads the answer into out.
func (m *Mailer) post(ctx context.Context, path, idempotencyKey string, in, out any) error {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false) // escaping would make an HTML email much longer
	if err := enc.Encode(in); err != nil {
		return automation.Permanent(fmt.Errorf("resend: %w", err))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.opts.BaseURL+path, &body)
	if err != nil {
		return automation.Permanent(fmt.Errorf("resend: %w", err))
	}
	req.Header.Set("Content-Type", "application/json")
	if idempotencyKey != "" {
		req.Header.Set("Idempotency-Key", headerKey(idempotencyKey))
	}
	return withOutcome(m.do(req, out))
}

// get reads the object at path into out.
func (m *Mailer) get(ctx context.Context, path string, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.opts.BaseURL+path, nil)
	if err != nil {
		return automation.Permanent(fmt.Errorf("resend: %w", err))
	}
	return m.do(req, out)
}

// do reads the answer to req into out. Every status in the 200s is a success, even if the
// body of the answer cannot be read: the request has taken effect.
func (m *Mailer) do(req *http.Request, out any) error {
	req.Header.Set("Authorization", "Bearer "+m.apiKey)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", userAgent)
	resp, err := m.client.Do(req)
	if err != nil {
		return fmt.Errorf("resend: %w", err)
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes))
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return m.refused(resp, answer)
	}
	_ = json.Unmarshal(answer, out)
	return nil
}

// withOutcome marks the error of a request that may have taken effect.
func withOutcome(err error) error {
	if err == nil || !mayHaveArrived(err) {
		return err
	}
	return fmt.Errorf("%w: %w", automation.ErrOutcomeUnknown, err)
}

// mayHaveArrived reports whether a request that failed may have reached Resend: the
// connection was made and no answer came, or a gateway answered.
func mayHaveArrived(err error) bool {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.StatusCode == http.StatusBadGateway || e.StatusCode == http.StatusGatewayTimeout
	}
	op := (*net.OpError)(nil)
	return !errors.As(err, &op) || op.Op != "dial"
}

// headerKey returns an idempotency key that Resend accepts. A key that is too long, or has
// characters that a header must not have, is replaced by its hash.
func headerKey(key string) string {
	if len(key) <= maxKeyChars && printable(key) {
		return key
	}
	hash := sha256.Sum256([]byte(key))
	return "sha256/" + hex.EncodeToString(hash[:])
}
