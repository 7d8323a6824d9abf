package automation

import (
	"reflect"
	"time"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// retryFields is a RetryPolicy in JSON.
type retryFields struct {
	MaxAttempts int      `json:"max_attempts,omitzero"`
	Initial     Duration `json:"initial,omitzero"`
	Max         Duration `json:"max,omitzero"`
	For         Duration `json:"for,omitzero"`
	Jitter      float64  `json:"jitter,omitzero"`
}

// MarshalJSON encodes p with durations in words, such as "30 minutes".
func (p RetryPolicy) MarshalJSON() ([]byte, error) {
	return jsondoc.Encode(retryFields{
		MaxAttempts: p.MaxAttempts, Jitter: p.Jitter,
		Initial: DurationOf(p.Initial), Max: DurationOf(p.Max), For: DurationOf(p.For),
	})
}

// UnmarshalJSON decodes a policy as strictly as Parse does. null leaves p unchanged.
func (p *RetryPolicy) UnmarshalJSON(data []byte) error {
	return unmarshal(data, "retry policy", builtin().retry, p)
}

// retry returns the readFunc of a RetryPolicy. It refuses an empty object: most likely a
// client lost its content, and an absent policy is written by leaving it out.
func (m shapes) retry(s *shape) error {
	fields, err := m.of(reflect.TypeFor[retryFields]())
	if err != nil {
		return err
	}
	s.fields = fields.fields
	s.read = func(r *reader, n int, v reflect.Value) {
		var given retryFields
		fields.read(r, n, reflect.ValueOf(&given).Elem())
		*v.Addr().Interface().(*RetryPolicy) = RetryPolicy{
			MaxAttempts: given.MaxAttempts, Jitter: given.Jitter,
			Initial: r.retryDuration(n, "initial", given.Initial),
			Max:     r.retryDuration(n, "max", given.Max),
			For:     r.retryDuration(n, "for", given.For),
		}
		if !r.lenient && r.isEmptyObject(n) {
			r.report(n, CodeMissingField, `the policy is empty: give it a field, such as "for": "3 days", or leave retry out`)
		}
	}
	return nil
}

// retryDuration returns the duration of a field of the policy at node n, and reports a
// text that is no duration.
func (r *reader) retryDuration(n int, name string, d Duration) time.Duration {
	if err := d.Err(); err != nil {
		r.report(r.doc.Member(n, name), CodeInvalidDuration, "%s", err)
	}
	return d.Std()
}
