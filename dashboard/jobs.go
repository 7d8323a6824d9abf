package dashboard

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/seed-b636437c/automation"
)

const (
	// maxJobs is how many jobs are at work at once.
	maxJobs = 4
	// maxKeptJobs is how many jobs the Handler remembers, and jobMemory for how long after
	// their end.
	maxKeptJobs = 100
	jobMemory   = time.Hour
	// jobPause is the pause after each page of 100 runs, so that a job leaves most of the
	// store to the work of the Runner.
	jobPause = 50 * time.Millisecond
)

var (
	errJobsClosed  = errors.New("dashboard: the Handler is closed")
	errJobStopped  = errors.New("dashboard: the job was stopped")
	errTooManyJobs = errors.New("dashboard: too many jobs are at work")
)

// jobs are the jobs of a Handler. They live in its process only: all that a job does is safe
// to do again.
type jobs struct {
	runner *automation.Runner
	clock  automation.Clock
	log    *slog.Logger

	ctx    context.Context // of all jobs
	cancel context.CancelFunc
	atWork sync.WaitGroup

	mu     sync.Mutex
	closed bool
	known  map[string]*job
}

func newJobs(runner *automation.Runner, opts Options) *jobs {
	ctx, cancel := context.WithCancel(context.Background())
	return &jobs{runner: runner, clock: opts.Clock, log: opts.Logger, ctx: ctx, cancel: cancel, known: map[string]*job{}}
}

// job is one action about the runs that a filter selects.
type job struct {
	id      string
	action  bulkAction
	filter  string // as a query
	started time.Time
	total   bulkCount // when it started
	stop    context.CancelFunc

	mu    sync.Mutex
	state jobState
}

// jobState is what a job has done.
type jobState struct {
	automation.BulkResult
	Ended time.Time // zero while it is at work
	Err   error     // why it ended before it was done
}

func (j *job) now() jobState {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.state
}

func (j *job) set(change func(*jobState)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change(&j.state)
}

// start starts a job. If a job with the same action and the same filter is at work, it
// returns that one.
func (js *jobs) start(action bulkAction, filter string, q automation.RunQuery, total bulkCount) (*job, error) {
	js.mu.Lock()
	defer js.mu.Unlock()
	busy := 0
	for _, j := range js.known {
		if !j.now().Ended.IsZero() {
			continue
		}
		if j.action == action && j.filter == filter {
			return j, nil
		}
		busy++
	}
	switch {
	case js.closed:
		return nil, errJobsClosed
	case busy >= maxJobs:
		return nil, errTooManyJobs
	}
	js.forget()
	ctx, stop := context.WithCancel(js.ctx)
	j := &job{id: rand.Text(), action: action, filter: filter, started: js.clock.Now(), total: total, stop: stop}
	js.known[j.id] = j
	js.atWork.Go(func() { js.work(ctx, j, q) })
	return j, nil
}

// forget makes room for a job. It removes the jobs that ended long ago and, if there are
// still too many, the one that ended first.
func (js *jobs) forget() {
	first, ended := "", time.Time{}
	for id, j := range js.known {
		switch at := j.now().Ended; {
		case at.IsZero():
		case js.clock.Now().Sub(at) > jobMemory:
			delete(js.known, id)
		case first == "" || at.Before(ended):
			first, ended = id, at
		}
	}
	if len(js.known) >= maxKeptJobs {
		delete(js.known, first)
	}
}

// find returns a job, or nil.
func (js *jobs) find(id string) *job {
	js.mu.Lock()
	defer js.mu.Unlock()
	return js.known[id]
}

// work does a job.
func (js *jobs) work(ctx context.Context, j *job, q automation.RunQuery) {
	defer j.stop()
	result, err := js.perform(ctx, j, q)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		err = errJobStopped
	default:
		js.log.Error("dashboard: job failed", "action", j.action, "filter", j.filter, "error", err)
	}
	j.set(func(s *jobState) { *s = jobState{result, js.clock.Now(), err} })
}

// perform does the action of a job. A panic, such as one of the host's store, is an error.
func (js *jobs) perform(ctx context.Context, j *job, q automation.RunQuery) (result automation.BulkResult, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			js.log.Error("dashboard: job panicked", "action", j.action, "panic", reason, "stack", string(debug.Stack()))
			result, err = j.now().BulkResult, fmt.Errorf("panic: %v", reason)
		}
	}()
	return j.action.do(ctx, js.runner, q, automation.BulkOptions{Progress: func(result automation.BulkResult) {
		j.set(func(s *jobState) { s.BulkResult = result })
		if result.HasMore {
			select {
			case <-js.clock.After(jobPause):
			case <-ctx.Done():
			}
		}
	}})
}

// close stops all jobs and waits for them.
func (js *jobs) close() {
	js.mu.Lock()
	js.closed = true
	js.mu.Unlock()
	js.cancel()
	js.atWork.Wait()
}
