package smtp

import (
	"context"
	"errors"
	"io"
	"net"
	"net/textproto"

	"github.com/seed-b636437c/automation"
)

// unsentError says that nothing was sent. The Runner takes a time-out, an ended
// context or a lost connection in an error for an unknown outcome, which under
// AtMostOnce would give up an email that certainly did not go out. So these are
// hidden here, and everything else in the chain can be found.
type unsentError struct{ err error }

func (e *unsentError) Error() string { return e.err.Error() }

func (e *unsentError) Is(target error) bool {
	switch target {
	case context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF:
		return false
	}
	return errors.Is(e.err, target)
}

func (e *unsentError) As(target any) bool {
	if _, ok := target.(*net.Error); ok {
		return false
	}
	return errors.As(e.err, target)
}

// classify marks err for the Runner: as permanent if the server's reply says so, and
// as unsent unless nobody knows.
func classify(err error) error {
	if errors.Is(err, automation.ErrOutcomeUnknown) {
		return err
	}
	err = &unsentError{err}
	if code := replyCode(err); code >= 500 {
		return automation.Permanent(err)
	}
	return err
}

// replyCode is the code of the server's reply in err, 0 if there is none.
func replyCode(err error) int {
	var reply *textproto.Error
	if errors.As(err, &reply) {
		return reply.Code
	}
	return 0
}

// closing is the code with which a server announces that it closes the connection.
const closing = 421
