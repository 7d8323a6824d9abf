package automation

import "time"

// commitMax is how many transitions are written in one commit at most.
const commitMax = 512

type commitRequest struct {
	transition Transition
	reply      chan<- CommitResult // has room for one
}

// commits is the committer: it writes in one commit whatever has gathered while
// it wrote the last one, so that latency stays that of one commit and
// throughput becomes that of the batch.
func (s *server) commits() {
	batch := make([]commitRequest, 0, commitMax)
	for first := range s.requests {
		batch = s.gather(append(batch[:0], first))
		s.flush(batch)
	}
}

func (s *server) gather(batch []commitRequest) []commitRequest {
	for len(batch) < commitMax {
		select {
		case next, ok := <-s.requests:
			if !ok {
				return batch
			}
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

// flush writes a batch and answers each of its requests. If the store does not
// answer it tries again for as long as the leases are good for: the batch may
// hold the outcome of effects, which cannot be had a second time.
func (s *server) flush(batch []commitRequest) {
	ts := make([]Transition, len(batch))
	for i := range batch {
		ts[i] = batch[i].transition
	}
	results, err := s.r.commit(s.effects, ts)
	until := s.r.now().Add(s.r.opts.Lease)
	for failures := 1; err != nil && s.effects.Err() == nil && s.r.now().Before(until); failures++ {
		s.r.opts.Logger.Error("automation: cannot commit", "transitions", len(ts), "error", err)
		s.pause(s.effects, commitRetry.backoff("commit", "", failures))
		results, err = s.r.commit(s.effects, ts)
	}
	for i := range batch {
		if err != nil {
			batch[i].reply <- CommitResult{Err: err}
			continue
		}
		batch[i].reply <- results[i]
	}
}

// commitRetry is how often a store that does not answer is asked again.
var commitRetry = RetryPolicy{Initial: 50 * time.Millisecond, Max: 2 * time.Second, Jitter: 0.2}
