package jetstream

import (
	"context"
	"errors"
	"sync"

	"github.com/seed-b636437c/automation"
)

// loaders is how many states are read at the same time.
const loaders = 32

// loadAll reads the states of the contacts that are not in memory.
func (p *partition) loadAll(ctx context.Context, todo []*work) error {
	var missing []*work
	for _, w := range todo {
		if known := p.contacts[w.token]; known != nil {
			w.contact = known
		} else {
			missing = append(missing, w)
		}
	}
	err := p.retry(ctx, "states", func() error { return p.loadMissing(ctx, missing) })
	if err != nil {
		return err
	}
	for _, w := range missing {
		p.contacts[w.token] = w.contact
	}
	for _, w := range todo {
		if w.contact.key == (automation.ContactRef{}) {
			w.contact.key = w.key // it had no state yet
		}
	}
	return nil
}

func (p *partition) loadMissing(ctx context.Context, missing []*work) error {
	errs := make([]error, len(missing))
	var running sync.WaitGroup
	slots := make(chan struct{}, loaders)
	for i, w := range missing {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			c, err := p.load(ctx, w.key, w.token)
			if errs[i] = err; err == nil {
				w.contact = c
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}
