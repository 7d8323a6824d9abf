// Package smtp is a Mailer that sends through any SMTP server: a provider's, the
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
// templates is a mail.Renderer: it makes the message, and this package delivers it.
//
// # How often an email arrives
//
// SMTP knows no idempotency keys, so an email arrives at least once: if the
// connection is lost after the message was handed over and before the server has
// answered, nobody can tell whether it was accepted, and the next attempt sends it
// again. Every attempt carries the same Message-ID, made from the idempotency key,
// and many receivers drop the second copy. Where that is not enough, choose
// automation.AtMostOnce for the Runner or the step: such a send fails as unknown
// instead of being repeated. Everything that went wrong before that moment is known
// to have sent nothing, and is repeated under AtMostOnce too.
//
// # Which errors are retried
//
// A reply that begins with 5 is permanent: an unknown mailbox, a refused password,
// a blocked sender. Everything else is tried again: replies that begin with 4, time-outs,
// lost connections, and also certificates that do not verify and servers that do not
// offer TLS, because an operator can mend them while the runs wait. The reply is
// found with errors.As as a *textproto.Error of net/textproto; its text holds the
// enhanced status code.
package smtp
