package main

import (
	"sync"
	"time"
)

// tally counts the emails of all nodes.
type tally struct {
	mu       sync.Mutex
	times    map[string]int // by key
	repeated int
	byNode   []int     // since the last call of take
	last     time.Time // of the last email
	pause    time.Duration
}

func newTally(nodes int) *tally {
	return &tally{times: map[string]int{}, byNode: make([]int, nodes)}
}

// add counts an email.
func (t *tally) add(node int, key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.times[key]++; t.times[key] > 1 {
		t.repeated++
	}
	t.byNode[node]++
	if !t.last.IsZero() {
		t.pause = max(t.pause, time.Since(t.last))
	}
	t.last = time.Now()
}

// take returns how many emails each node has sent since the last call.
func (t *tally) take() []int {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.byNode
	t.byNode = make([]int, len(was))
	return was
}

// restartPause makes longestPause begin anew.
func (t *tally) restartPause() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last, t.pause = time.Now(), 0
}

// longestPause returns how long, at most, no email was sent.
func (t *tally) longestPause() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(t.pause, time.Since(t.last))
}

// total returns how many different emails were sent, and how many times one was sent again.
func (t *tally) total() (emails, repeated int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.times), t.repeated
}
