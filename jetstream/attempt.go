package jetstream

import (
	"sync/atomic"
	"time"
)

// attempt is an attempt of an effect by this owner. Other goroutines than the partition's may mark
// what becomes of it.
type attempt struct {
	step   string
	number int

	began    atomic.Int64 // Unix nanoseconds; 0 while it waits in line
	returned atomic.Bool  // its outcome is known, or it did not begin after all
}

// withdrawn is the beginning of an attempt that must not begin any more.
const withdrawn = -1

// begin reports whether the attempt may begin.
func (a *attempt) begin() bool { return a.began.CompareAndSwap(0, time.Now().UnixNano()) }

// withdraw keeps the attempt from beginning. It reports false if the attempt has begun.
func (a *attempt) withdraw() bool {
	return a.began.CompareAndSwap(0, withdrawn) || a.began.Load() == withdrawn
}

// hangs reports whether an attempt has been going on for longer than any should. One that waits, in
// line or for the partition to write its outcome, does not hang.
func (a *attempt) hangs(deadline time.Duration) bool {
	began := a.began.Load()
	return began > 0 && !a.returned.Load() && time.Since(time.Unix(0, began)) >= deadline
}

// renew puts off the deadlines of the contact's attempts that have come by a time, unless they hang:
// a process that has much to do still knows what has become of its effects.
func (p *partition) renew(w *work, readAt, dueBy time.Time) {
	for i := range w.state.Runs {
		r := &w.state.Runs[i]
		a := w.inFlight[r.ID]
		if a == nil || r.DueAt.After(dueBy) || a.hangs(p.opts.EffectDeadline) {
			continue
		}
		if r.DueAt = readAt; dueBy.After(readAt) {
			r.DueAt = dueBy
		}
		r.DueAt = r.DueAt.Add(p.opts.EffectDeadline)
		r.changed, w.dirty = true, true
	}
}
