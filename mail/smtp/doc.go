// Package smtp provides a Mailer that sends through any SMTP server: a provider's, the
// company's own, or one for development such as Mailpit.
//
//	mailer, err := smtp.New("smtp.example.com", templates, smtp.Options{
//		Username: "app", Password: os.Getenv("SMTP_PASSWORD"),
//	})
//	if err != nil {
//		return err
//	}
//	defer mailer.Close()
//	runner, err := automation.New(store, mailer, automation.Options{})
//
// The variable templates is a mail.Renderer. The renderer makes the message, and this
// package delivers it.
//
// # How often an email arrives
//
// SMTP has no idempotency keys, so an email arrives at least once. If the connection is
// lost after the message was handed over and before the server answers, it is unknown
// whether the server accepted the message, and the next attempt sends the email again.
// Every attempt carries the same Message-ID, made from the idempotency key, and many
// receivers drop the second copy. Where that is not enough, choose automation.AtMostOnce
// for the Runner or the step: such a send fails as unknown instead of being repeated. An
// attempt that fails before the message is handed over certainly sent nothing, and is
// repeated under AtMostOnce too.
//
// # Which errors are retried
//
// A reply that begins with 5 is permanent: an unknown mailbox, a refused password,
// a blocked sender. Every other error is retried: replies that begin with 4, time-outs,
// lost connections, and also certificates that do not verify and servers that do not
// offer TLS, because an operator can repair those while the runs wait. errors.As finds
// the reply as a *textproto.Error of net/textproto; its text contains the enhanced status
// code.
package smtp
