package observe

import (
	"errors"
	"sync"
	"time"

	"github.com/seed-b636437c/automation"
)

// leaseBook follows the leases of this process. A lease ends when it is released, lost or
// expired: an abandoned one expires.
type leaseBook struct {
	mu   sync.Mutex // guards the fields below
	ends map[leaseID]time.Time
	now  time.Time // of the latest call, on the Runner's clock
}

type leaseID struct {
	key   automation.ContactRef
	token int64
}

func (b *leaseBook) claimed(p automation.ClaimParams, works []automation.Work) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expire(p.Now)
	for i := range works {
		b.ends[leaseID{works[i].Key, works[i].Token}] = p.Now.Add(p.Lease)
	}
}

// committed returns how many leases the transitions released, and how many they found lost.
func (b *leaseBook) committed(ts []automation.Transition, results []automation.CommitResult) (released, lost int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range min(len(ts), len(results)) {
		id := leaseID{ts[i].Key, ts[i].Token}
		_, held := b.ends[id]
		switch err := results[i].Err; {
		case errors.Is(err, automation.ErrLeaseLost):
			if held {
				lost++
			}
			delete(b.ends, id)
		case err != nil || !held:
		case ts[i].Release:
			released++
			delete(b.ends, id)
		default:
			b.ends[id] = ts[i].Extend
		}
	}
	return released, lost
}

// held returns how many leases there are.
func (b *leaseBook) held() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, end := range b.ends {
		if end.After(b.now) {
			n++
		}
	}
	return n
}

// expire forgets the leases that ended long before now. A commit under a lease that has
// ended may still succeed, or find it lost.
func (b *leaseBook) expire(now time.Time) {
	if b.ends == nil {
		b.ends = map[leaseID]time.Time{}
	}
	if now.Sub(b.now) < time.Second && !now.Before(b.now) {
		return // so that many claims in a row do not go through all leases each time
	}
	b.now = now
	for id, end := range b.ends {
		if now.Sub(end) > expiredFor {
			delete(b.ends, id)
		}
	}
}

// expiredFor is how long a lease is remembered after its end.
const expiredFor = time.Minute
