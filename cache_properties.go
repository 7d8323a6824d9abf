package automation

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// propertyCache holds the definitions of contact properties, because every email reads
// them.
type propertyCache struct {
	mu      sync.Mutex
	defined contactProperties // nil: unknown
	readAt  time.Time
	changes int // of this Runner
}

// propertiesFresh is how long definitions are remembered. So long may an email contain a
// fallback that another process has changed.
const propertiesFresh = time.Second

// definedProperties returns the definitions of contact properties. The caller must not
// change them.
func (r *Runner) definedProperties(ctx context.Context) (contactProperties, error) {
	now := r.now()
	c := &r.properties
	c.mu.Lock()
	defined, age, changes := c.defined, now.Sub(c.readAt), c.changes
	c.mu.Unlock()
	if defined != nil && age >= 0 && age < propertiesFresh {
		return defined, nil
	}
	defined, err := r.readProperties(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changes == changes { // what was read may be older than a change since
		c.defined, c.readAt = defined, now
	}
	return defined, nil
}

func (r *Runner) readProperties(ctx context.Context) (contactProperties, error) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.StoreTimeout)
	defer cancel()
	defined := contactProperties{}
	for p, err := range Each(ctx, r.store.ListContactProperties, PageQuery{}) {
		if err != nil {
			return nil, fmt.Errorf("contact properties: %w", err)
		}
		defined[p.Key] = p
	}
	return defined, nil
}

// forget makes the next call of definedProperties read the definitions.
func (c *propertyCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.defined = nil
	c.changes++
}
