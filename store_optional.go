package automation

import "context"

// TxCarrier is an optional interface of an EventWriter that writes inside the host's own
// transaction. Runner.SendTo passes the context of WithTx to the contact directory. The
// directory can then read through the transaction, which needs no second connection and
// returns the contacts that the transaction has inserted. Without this interface the
// directory receives the context of SendTo, and reads outside the transaction.
type TxCarrier interface {
	// WithTx returns a context that is ctx and carries the transaction. The package of
	// the store has a function that returns the transaction of such a context, such as
	// postgres.TxFrom.
	WithTx(ctx context.Context) context.Context
}

// ParallelCommitter is an optional interface of a Store that executes several commits at
// the same time. While one commit waits for the disk, another one can use the processor.
// Without this interface a Runner makes one commit after the other, and each commit takes
// everything that gathered during the one before.
type ParallelCommitter interface {
	// CommitsInParallel reports whether a Commit can proceed while another Commit,
	// about other contacts, is in progress.
	CommitsInParallel() bool
}

// Watcher is an optional interface of a Store that can signal new work of other Runners,
// in this process or another one. Without this interface a Runner finds such work only
// when it polls, every Options.PollInterval. A Runner that watches still polls.
type Watcher interface {
	// Watch calls wake whenever work may have been added, until ctx ends. wake does
	// not block, and extra calls do no harm. If Watch returns an error, the Runner
	// polls, and calls Watch again after a back-off. If the error wraps
	// errors.ErrUnsupported or ErrClosed, the Runner does not call Watch again.
	Watch(ctx context.Context, wake func()) error
}
