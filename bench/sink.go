package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// sink receives all emails. It is safe for concurrent use.
type sink struct {
	mu       sync.Mutex
	sent     map[int]int // how often, by contact
	arrived  []arrival
	expected map[int]chan time.Time
	goal     int
	reached  chan struct{}
}

// arrival is an email that has arrived.
type arrival struct {
	Contact int
	At      time.Time
}

func newSink() *sink {
	return &sink{sent: map[int]int{}, expected: map[int]chan time.Time{}}
}

// deliver receives an email to contact i.
func (s *sink) deliver(i int) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent[i]++
	s.arrived = append(s.arrived, arrival{i, now})
	if c := s.expected[i]; c != nil {
		c <- now
		delete(s.expected, i)
	}
	if s.reached != nil && len(s.arrived) >= s.goal {
		close(s.reached)
		s.reached = nil
	}
}

// expect returns a channel that gets the time of the next email to contact i.
func (s *sink) expect(i int) <-chan time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := make(chan time.Time, 1)
	s.expected[i] = c
	return c
}

// wait returns after n emails in all.
func (s *sink) wait(ctx context.Context, n int) error {
	s.mu.Lock()
	if len(s.arrived) >= n {
		s.mu.Unlock()
		return nil
	}
	s.goal, s.reached = n, make(chan struct{})
	reached := s.reached
	s.mu.Unlock()
	select {
	case <-reached:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%d of %d emails have come: %w", s.count(), n, ctx.Err())
	}
}

func (s *sink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.arrived)
}

// arrivals returns the emails, in the order in which they arrived.
func (s *sink) arrivals() []arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.arrived)
}

// since returns how long after its moment each email arrived. The first moment is that of contact
// from, and each of the following contacts has the next.
func (s *sink) since(from int, moments []time.Time) latencies {
	var late latencies
	for _, a := range s.arrivals() {
		if i := a.Contact - from; i >= 0 && i < len(moments) {
			late = append(late, a.At.Sub(moments[i]))
		}
	}
	return late
}

// add adds the emails that another process sent.
func (s *sink) add(arrived []arrival) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range arrived {
		s.sent[a.Contact]++
		s.arrived = append(s.arrived, a)
	}
}

// once returns an error unless each of these contacts got exactly one email.
func (s *sink) once(contacts ...int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range contacts {
		if s.sent[i] != 1 {
			return fmt.Errorf("contact %d has got %d emails instead of one", i, s.sent[i])
		}
	}
	return nil
}
