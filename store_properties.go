package automation

import "context"

// PropertyStore keeps definitions of contact properties. A store returns a fallback that is
// a number as a json.Number with the same digits.
type PropertyStore interface {
	// InsertContactProperty keeps a new definition. It fails with ErrConflict if the id
	// or the key is taken.
	InsertContactProperty(ctx context.Context, p ContactProperty) error
	// FindContactProperty returns the definition with this id or key, or an error that
	// wraps ErrNotFound. Keys are compared with case.
	FindContactProperty(ctx context.Context, idOrKey string) (ContactProperty, error)
	// UpdateContactProperty replaces Fallback of the definition with the id of p. It
	// fails with ErrNotFound if there is none.
	UpdateContactProperty(ctx context.Context, p ContactProperty) error
	// DeleteContactProperty deletes a definition. It fails with ErrNotFound if there is
	// none.
	DeleteContactProperty(ctx context.Context, id string) error
	// ListContactProperties lists definitions, newest first. It fails with ErrNotFound
	// if the cursor is not the id of a definition.
	ListContactProperties(ctx context.Context, q PageQuery) (Page[ContactProperty], error)
}
