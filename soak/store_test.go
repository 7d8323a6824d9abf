//go:build unix

package soak

import (
	"context"
	"fmt"
	"io"

	"github.com/seed-b636437c/automation"
)

// storeConfig says which store to open.
type storeConfig struct {
	Kind    string // a key of openers
	Address string // a path or a URL
}

// closingStore is a store that its user closes.
type closingStore interface {
	automation.Store
	io.Closer
}

// openers open stores, and create what they need.
var openers = map[string]func(ctx context.Context, address string) (closingStore, error){}

func (c storeConfig) open(ctx context.Context) (closingStore, error) {
	open, ok := openers[c.Kind]
	if !ok {
		return nil, fmt.Errorf("no store is called %q", c.Kind)
	}
	return open(ctx, c.Address)
}
