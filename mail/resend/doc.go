// Package resend sends the emails of automations through Resend's REST API.
//
// Templates live at Resend, as in Resend Automations: a send_email step names one by
// id or alias, and Resend fills in the variables.
//
//	mailer, err := resend.New(os.Getenv("RESEND_API_KEY"), resend.Options{Unsubscribe: links.URL})
//	…
//	runner, err := automation.New(store, mailer, automation.Options{})
//
// With Options.Renderer they live in the host, and Resend gets the finished email.
//
// # Exactly once
//
// Every attempt of a step carries the same Idempotency-Key. Resend remembers keys for
// 24 hours: within that time an email goes out once, however often it is asked for,
// after lost answers and crashes too.
//
// Resend answers invalid_idempotent_request when it has sent an email with that key,
// but of another content. That happens when an attempt was accepted, its answer got
// lost, and the contact or the template was changed before the next attempt. The
// email of that step is out, so SendEmail reports success, with an empty id.
//
// # Errors
//
// What Resend says is an *Error, for errors.As. Which errors are tried again:
//
//   - 429 is an *automation.RateLimitError and spends no attempt. It waits as long as
//     Resend says; if it does not say, an hour for a quota that is used up.
//   - 409 concurrent_idempotent_requests likewise: the attempt before is not done yet.
//   - 408, 425, 5xx and network errors are tried again by the Runner's policy. They
//     wrap automation.ErrOutcomeUnknown where the email may have been accepted.
//   - All other 4xx are permanent.
package resend
