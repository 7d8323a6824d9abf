package automation

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestForecast_WaitsForTheNextWorkOnlyWhileItIsKnown(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)
	const poll = time.Minute
	for name, tc := range map[string]struct {
		forecast func(f *forecast)
		want     time.Duration
	}{
		"nothing is known":          {func(*forecast) {}, poll},
		"the store does not answer": {func(f *forecast) { f.learn(now.Add(time.Second), errors.New("down")) }, poll},
		"nothing is due ever":       {func(f *forecast) { f.learn(time.Time{}, nil) }, poll},
		"due in a while":            {func(f *forecast) { f.learn(now.Add(time.Second), nil) }, time.Second},
		"overdue":                   {func(f *forecast) { f.learn(now.Add(-time.Second), nil) }, -time.Second},
		"a backlog waits for the tasks": {func(f *forecast) {
			f.learn(now.Add(time.Second), nil)
			f.claimed(now, 0, true)
		}, poll},
		"a claim before the time": {func(f *forecast) {
			f.learn(now.Add(time.Second), nil)
			f.claimed(now, 0, false)
		}, time.Second},
		"a claim at the time": {func(f *forecast) {
			f.learn(now, nil)
			f.claimed(now, 0, false)
		}, poll},
		"a claim while nothing is due ever": {func(f *forecast) {
			f.learn(time.Time{}, nil)
			f.claimed(now, 0, false)
		}, poll},
		"a full claim, and one that was not": {func(f *forecast) {
			f.learn(now.Add(time.Second), nil)
			f.claimed(now, 0, true)
			f.claimed(now, 0, false)
		}, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var f forecast
			tc.forecast(&f)
			assert.Equal(t, tc.want, f.untilDue(now, poll))
		})
	}
}

func TestForecast_KeepsHowLongTheLastClaimTook(t *testing.T) {
	t.Parallel()
	var f forecast
	f.claimed(time.Time{}, time.Second, true)
	f.claimed(time.Time{}, 2*time.Second, false)
	assert.Equal(t, forecast{took: 2 * time.Second}, f)
}

func TestPace_WaitsForMoreWorkUnlessThereIsABacklog(t *testing.T) {
	t.Parallel()
	const took = time.Second
	for name, tc := range map[string]struct {
		backlog bool
		want    time.Duration
	}{
		"the claim left nothing behind": {false, 2 * took},
		"the claim was full":            {true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := &Runner{opts: Options{InFlight: 8}, wakeup: make(chan struct{})}
				s := &scheduler{worker: &worker{r: r, ctx: t.Context(), inFlight: make([]*task, 8)}}
				s.forecast.claimed(time.Now(), took, tc.backlog)
				began := time.Now()
				assert.Equal(t, tc.backlog, s.pace(), "whether there may be more to claim")
				assert.Equal(t, tc.want, time.Since(began))
			})
		})
	}
}
