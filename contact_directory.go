package automation

import "context"

// ContactDirectory gives a Runner access to the host's own table of contacts. A host
// implements it and sets Options.Contacts. Its methods must be safe for concurrent
// use.
//
// Without a ContactDirectory, contacts are in the Store, and a change of a contact
// commits together with the step that makes it. With a ContactDirectory, a change is
// an effect like an email: after a crash the Runner may make the change again, with
// the same values.
//
// Runner.SendTo calls FindContact while the host's transaction is open, with a context
// that carries this transaction. If the contacts are in the same database, FindContact
// must read through the transaction:
//
//	tx, ok := postgres.TxFrom[pgx.Tx](ctx) // store/sqlite: sqlite.TxFrom[*sql.Tx](ctx)
//
// In every other call ok is false, and the directory uses its pool. A directory that
// always reads through its pool needs a second connection while the transaction holds the
// first one. A few concurrent sends then hold all connections and wait for each other.
// Such a directory also does not find the contacts that the transaction has inserted.
//
// The id of a contact should not be . or .., because no URL can contain it: the dashboard and
// package httpapi have no page about such a contact, and Send refuses the id.
type ContactDirectory interface {
	// FindContact returns the contact with the id of ref, or with the email of ref
	// without regard to case. The error wraps ErrNotFound if the contact does not
	// exist.
	FindContact(ctx context.Context, ref ContactRef) (Contact, error)
	// CreateContact creates a contact with this email. If a contact with this email
	// exists, CreateContact returns it: two concurrent calls create one contact.
	CreateContact(ctx context.Context, email string) (Contact, error)
	// UpdateContact applies change to the contact with this id and returns the
	// updated contact. The error wraps ErrNotFound if the contact does not exist,
	// and ErrConflict if the new email belongs to another contact.
	UpdateContact(ctx context.Context, id string, change ContactChange) (Contact, error)
	// DeleteContact permanently deletes the contact. Deleting a contact that does
	// not exist is no error.
	DeleteContact(ctx context.Context, id string) error
}

// ContactSearcher is an optional interface of a ContactDirectory that can list contacts.
// New looks for it once. Without it, Runner.ListContacts fails with an error that wraps
// errors.ErrUnsupported.
type ContactSearcher interface {
	// ListContacts returns the page of contacts that q selects. The Runner has checked q:
	// its limit is between 1 and 100. ContactQuery defines the order. A directory that
	// cannot select by a field of q returns an error that wraps errors.ErrUnsupported.
	// The error wraps ErrNotFound if the cursor is not the id of a contact.
	ListContacts(ctx context.Context, q ContactQuery) (Page[Contact], error)
}

// ContactBatchFinder is an optional interface of a ContactDirectory that can find many
// contacts at once. New looks for it once. Without it, Runner.GetContacts calls FindContact
// for one id after the other.
type ContactBatchFinder interface {
	// FindContacts returns the contacts with these ids, in any order. It leaves out ids
	// that no contact has. There are between 1 and 1,000 ids, each once.
	FindContacts(ctx context.Context, ids []string) ([]Contact, error)
}
