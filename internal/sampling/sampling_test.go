package sampling_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation/internal/sampling"
)

var start = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)

// take takes n records, and returns how many passed.
func take(s *sampling.Sampler[string], now time.Time, kind string, n int) (passed int) {
	for range n {
		if s.Take(now, kind) {
			passed++
		}
	}
	return passed
}

func TestSampler_FirstOfEachKindPass(t *testing.T) {
	t.Parallel()
	s := sampling.New[string](3, time.Minute)
	assert.Equal(t, 3, take(s, start, "a", 10_000))
	assert.Equal(t, 2, take(s, start, "b", 2))
	assert.Equal(t, 1, take(s, start, "b", 2))
	assert.Empty(t, s.Ended(start.Add(time.Minute-1)))
	assert.Equal(t, []sampling.Count[string]{{"a", 9_997, start}, {"b", 1, start}}, s.Ended(start.Add(time.Minute)))
	assert.Empty(t, s.Ended(start.Add(time.Minute)), "a count is reported once")
	assert.Equal(t, 3, take(s, start.Add(time.Minute), "a", 4), "the next interval begins anew")
}

func TestSampler_KindsHaveIntervalsOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := sampling.New[string](1, time.Minute)
	take(s, start, "a", 2)
	take(s, start.Add(30*time.Second), "b", 2)
	assert.Equal(t, []sampling.Count[string]{{"a", 1, start}}, s.Ended(start.Add(time.Minute)))
	assert.Equal(t, []sampling.Count[string]{{"b", 1, start.Add(30 * time.Second)}}, s.Ended(start.Add(90*time.Second)))
}

func TestSampler_IntervalWithoutASurplusHasNoCount(t *testing.T) {
	t.Parallel()
	s := sampling.New[string](3, time.Minute)
	take(s, start, "a", 3)
	assert.Empty(t, s.Ended(start.Add(time.Hour)))
	assert.Empty(t, s.Rest())
}

func TestSampler_RestKeepsTheInterval(t *testing.T) {
	t.Parallel()
	s := sampling.New[string](1, time.Minute)
	take(s, start, "a", 5)
	assert.Equal(t, []sampling.Count[string]{{"a", 4, start}}, s.Rest())
	assert.Empty(t, s.Rest())
	assert.Zero(t, take(s, start.Add(time.Second), "a", 2))
	assert.Equal(t, []sampling.Count[string]{{"a", 2, start}}, s.Ended(start.Add(time.Minute)))
}

func TestSampler_ClockThatIsSetBackEndsIntervals(t *testing.T) {
	t.Parallel()
	s := sampling.New[string](1, time.Minute)
	take(s, start, "a", 2)
	assert.Len(t, s.Ended(start.Add(-time.Hour)), 1)
	assert.Equal(t, 1, take(s, start.Add(-time.Hour), "a", 2))
}

func TestSampler_CountsWhatManyGoroutinesTake(t *testing.T) {
	t.Parallel()
	s := sampling.New[string](10, time.Minute)
	var wg sync.WaitGroup
	var passed atomic.Int64
	for range 8 {
		wg.Go(func() { passed.Add(int64(take(s, start, "a", 100))) })
	}
	wg.Wait()
	assert.EqualValues(t, 10, passed.Load())
	assert.Equal(t, []sampling.Count[string]{{"a", 790, start}}, s.Rest())
}
