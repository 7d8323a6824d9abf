package dashboard

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/seed-b636437c/automation/mail"
)

const (
	// maxCopies bounds the memory: an email at Resend has 4 MiB at most.
	maxCopies = 16
	// copyFresh is for how long a copy is not read again, and missingFresh for how long a
	// failure counts.
	copyFresh    = time.Minute
	missingFresh = 10 * time.Second
)

// copies remembers the copies that the pages have just shown. The page of a run is live, and
// shall not read an email from a mail service, whose rate is limited, every two seconds.
type copies struct {
	mu   sync.Mutex
	byID map[string]remembered
}

// remembered is the outcome of reading a copy.
type remembered struct {
	message mail.Message
	err     error
	until   time.Time
}

// get returns the copy with an id, which it reads unless that has just been done.
func (c *copies) get(id string, now time.Time, read func(id string) (mail.Message, error)) (mail.Message, error) {
	c.mu.Lock()
	r, ok := c.byID[id]
	c.mu.Unlock()
	if ok && now.Before(r.until) {
		return r.message, r.err
	}
	r.message, r.err = read(id)
	if errors.Is(r.err, context.Canceled) {
		return r.message, r.err // this person left the page: that concerns no other
	}
	r.until = now.Add(copyFresh)
	if r.err != nil {
		r.until = now.Add(missingFresh)
	}
	c.put(id, r)
	return r.message, r.err
}

// put remembers an outcome, instead of an arbitrary other one if there are many.
func (c *copies) put(id string, r remembered) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID == nil {
		c.byID = map[string]remembered{}
	}
	delete(c.byID, id)
	for other := range c.byID {
		if len(c.byID) < maxCopies {
			break
		}
		delete(c.byID, other)
	}
	c.byID[id] = r
}

// forget forgets all copies.
func (c *copies) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID = nil
}
