package smtp

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// keepTimeout bounds how long a copy may take.
const keepTimeout = 5 * time.Second

// keep gives a copy of an email that the server accepted to Options.Archive. The email is sent,
// so no failure leaves this function: an error would send the email again. The end of ctx does
// not lose the copy either.
func (m *Mailer) keep(ctx context.Context, o *outgoing) {
	if m.opts.Archive == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTimeout)
	defer cancel()
	if err := m.keepCopy(ctx, o); err != nil {
		m.opts.Logger.Error("smtp: no copy of a sent email was kept", "email_id", o.id, "error", err)
	}
}

// keepCopy calls the Archive, and returns a panic of it as an error.
func (m *Mailer) keepCopy(ctx context.Context, o *outgoing) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("the archive panicked: %v\n%s", reason, debug.Stack())
		}
	}()
	return m.opts.Archive.Keep(ctx, o.id, o.message)
}
