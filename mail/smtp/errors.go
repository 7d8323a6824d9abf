package smtp

import (
	"context"
	"errors"
	"io"
	"net"
	"net/textproto"

	"github.com/seed-b636437c/automation"
)

// unsentError is the error of an attempt that sent nothing. The Runner treats a time-out,
// an ended context or a lost connection in an error as an unknown outcome, and under
// AtMostOnce would fail the step of an email that was certainly not sent. So unsentError
// hides these three from errors.Is and errors.As, and nothing else.
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

// classify marks err for the Runner: as unsent unless the outcome is unknown, and as
// permanent if the code of the server's reply is 500 or higher.
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

// replyCode returns the code of the server's reply in err, or 0 if there is none.
func replyCode(err error) int {
	var reply *textproto.Error
	if errors.As(err, &reply) {
		return reply.Code
	}
	return 0
}

// closing is the reply code of a server that is about to close the connection.
const closing = 421
