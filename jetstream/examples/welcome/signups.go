package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/jetstream"
)

// signups are people who sign up. Every second one finishes the setup a second later.
type signups struct {
	runner   *automation.Runner
	accepted atomic.Int64 // of the events that start a run
	ended    sync.WaitGroup

	mu  sync.Mutex
	err error // the first error that does not pass
}

// senders is how many calls of Send may wait for the servers at the same time.
const senders = 4

// begin sends events until ctx ends.
func (s *signups) begin(ctx context.Context, rate int) {
	for sender := range senders {
		s.ended.Go(func() {
			pace := time.NewTicker(time.Second * senders / time.Duration(rate))
			defer pace.Stop()
			for n := sender; ctx.Err() == nil; n += senders {
				s.signUp(n)
				if before := n - rate; before >= 0 && before%2 == 0 {
					s.send(event("setup.progress", before, `{"percent":100}`))
				}
				<-pace.C
			}
		})
	}
}

func (s *signups) signUp(n int) {
	plan := "free"
	if n%4 == 0 {
		plan = "pro"
	}
	if s.send(event("user.created", n, fmt.Sprintf(`{"plan":%q}`, plan))) {
		s.accepted.Add(1)
	}
}

// event returns an event of the n-th person, with a key: it can be sent again.
func event(name string, n int, payload string) automation.Event {
	email := fmt.Sprintf("person%d@example.com", n)
	return automation.Event{Name: name, Email: email, IdempotencyKey: email, Payload: []byte(payload)}
}

// send sends an event until it is accepted.
func (s *signups) send(e automation.Event) bool {
	for {
		_, err := s.runner.Send(context.Background(), e)
		if err == nil {
			return true
		}
		if !errors.Is(err, jetstream.ErrUnavailable) {
			s.mu.Lock()
			s.err = errors.Join(s.err, err)
			s.mu.Unlock()
			return false
		}
	}
}

// wait waits until the senders have ended, and returns their error.
func (s *signups) wait() error {
	s.ended.Wait()
	return s.err
}
