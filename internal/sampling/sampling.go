// Package sampling keeps a storm of equal log records short: the first few of a kind pass
// in each interval, and the rest become one count.
package sampling

import (
	"sync"
	"time"
)

// Sampler decides which records of a kind K are logged. An interval of a kind begins with
// a record of that kind. A Sampler reads no clock: its caller gives it the time. It is
// safe for concurrent use.
type Sampler[K comparable] struct {
	first    int
	interval time.Duration

	mu      sync.Mutex   // guards the fields below
	windows []*window[K] // in the order in which they began
	byKind  map[K]*window[K]
}

// window is the current interval of one kind.
type window[K comparable] struct {
	kind    K
	began   time.Time
	passed  int
	leftOut int
}

// Count is how many records of a kind were left out.
type Count[K comparable] struct {
	Kind    K
	LeftOut int       // at least 1
	Since   time.Time // when the interval began
}

// New returns a Sampler that lets the first records of a kind pass in each interval.
func New[K comparable](first int, interval time.Duration) *Sampler[K] {
	return &Sampler[K]{first: first, interval: interval, byKind: map[K]*window[K]{}}
}

// Take reports whether the record of this kind passes. Otherwise the Sampler counts it.
// The caller calls Ended first, so that no interval is longer than it should be.
func (s *Sampler[K]) Take(now time.Time, kind K) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.byKind[kind]
	if w == nil {
		w = &window[K]{kind: kind, began: now}
		s.byKind[kind], s.windows = w, append(s.windows, w)
	}
	if w.passed < s.first {
		w.passed++
		return true
	}
	w.leftOut++
	return false
}

// Ended forgets the intervals that are over, and returns the counts of those that left
// records out. After a clock is set back, the intervals that began later are over too.
func (s *Sampler[K]) Ended(now time.Time) []Count[K] {
	s.mu.Lock()
	defer s.mu.Unlock()
	over := 0
	var counts []Count[K]
	for over < len(s.windows) && s.isOver(s.windows[over], now) {
		w := s.windows[over]
		counts = w.appendTo(counts)
		delete(s.byKind, w.kind)
		s.windows[over] = nil
		over++
	}
	s.windows = s.windows[over:]
	return counts
}

func (s *Sampler[K]) isOver(w *window[K], now time.Time) bool {
	return now.Before(w.began) || !now.Before(w.began.Add(s.interval))
}

// Rest returns the counts of the intervals that are not over, and begins new counts. The
// intervals go on: no more records of their kinds pass because of Rest.
func (s *Sampler[K]) Rest() []Count[K] {
	s.mu.Lock()
	defer s.mu.Unlock()
	var counts []Count[K]
	for _, w := range s.windows {
		counts = w.appendTo(counts)
		w.leftOut = 0
	}
	return counts
}

func (w *window[K]) appendTo(counts []Count[K]) []Count[K] {
	if w.leftOut == 0 {
		return counts
	}
	return append(counts, Count[K]{Kind: w.kind, LeftOut: w.leftOut, Since: w.began})
}
