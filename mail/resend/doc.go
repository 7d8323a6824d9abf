// Package resend sends the emails of automations through Resend's REST API.
//
// The templates are Resend's, as in Resend Automations: a send_email step names a
// template by id or alias, and Resend fills in the variables.
//
//	mailer, err := resend.New(os.Getenv("RESEND_API_KEY"), resend.Options{Unsubscribe: links.URL})
//	…
//	runner, err := automation.New(store, mailer, automation.Options{})
//
// With Options.Renderer the templates are the host's, and Resend gets the finished email.
//
// # Exactly once
//
// Every attempt of a step carries the same Idempotency-Key. Resend remembers keys for
// 24 hours: within that time an email is sent once, however often the Mailer requests
// it, after lost answers and crashes too.
//
// Resend answers invalid_idempotent_request if it sent an email with the same key and
// other content before. That happens if Resend accepts an attempt, its answer gets lost,
// and the contact or the template changes before the next attempt. The email of the step
// was sent, so SendEmail reports success, with an empty id.
//
// # Errors
//
// Resend's answer to a refused request is an *Error, for errors.As. The status decides
// whether the step is retried:
//
//   - 429 is an *automation.RateLimitError and spends no attempt. The next attempt
//     waits as long as the header Retry-After requires; without the header, an hour for
//     a quota that is used up.
//   - 409 concurrent_idempotent_requests is the same: the attempt before is still in
//     progress.
//   - 408, 425, 5xx and network errors are retried by the Runner's policy. They wrap
//     automation.ErrOutcomeUnknown if Resend may have accepted the email.
//   - All other 4xx are permanent.
package resend
