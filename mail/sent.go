package mail

import "context"

// SentEmails are the emails that were sent, for a person who wants to see one as it was. A
// *resend.Mailer, an *archive.Archive and a *capture.Mailer are SentEmails.
type SentEmails interface {
	// SentEmail returns the email that Mailer.SendEmail returned this id for. What a source
	// does not keep of it, such as UnsubscribeURL, is empty. If there is no such email, or not
	// any more, the error wraps automation.ErrNotFound. SentEmail must return soon after ctx
	// has ended, and be safe for concurrent use.
	SentEmail(ctx context.Context, id string) (Message, error)
}

// Archive keeps copies of emails, such as *archive.Archive.
type Archive interface {
	// Keep keeps a copy of the email that Mailer.SendEmail returns this id for. A second copy
	// under an id replaces the first. Keep must return soon after ctx has ended, and be safe
	// for concurrent use.
	Keep(ctx context.Context, id string, m Message) error
}
