//go:build unix

package soak

import (
	"context"
	"fmt"
	"io"

	"github.com/seed-b636437c/automation"
)

// storeConfig is the store that a node opens.
type storeConfig struct {
	Kind    string // a key of openers
	Address string // a path or a URL
}

// closingStore is a store that its caller must close.
type closingStore interface {
	automation.Store
	io.Closer
}

// openers open the stores by kind, and create the tables or the file of a new store.
var openers = map[string]func(ctx context.Context, address string) (closingStore, error){}

func (c storeConfig) open(ctx context.Context) (closingStore, error) {
	open, ok := openers[c.Kind]
	if !ok {
		return nil, fmt.Errorf("there is no store %q", c.Kind)
	}
	return open(ctx, c.Address)
}
