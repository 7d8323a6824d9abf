package uuid

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var uuidV7 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestSource_MakesUUIDsOfVersion7(t *testing.T) {
	t.Parallel()
	for name, now := range map[string]time.Time{
		"today":         time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC),
		"before 1970":   time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC),
		"beyond 48 bit": time.UnixMilli(1 << 50),
		"zero":          {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Regexp(t, uuidV7, NewSource(nil).Next(now))
		})
	}
}

func TestSource_HoldsTheMillisecond(t *testing.T) {
	t.Parallel()
	// The time of the example in RFC 9562, appendix A.6.
	id := NewSource(nil).Next(time.UnixMilli(0x017F22E279B0))
	assert.Equal(t, "017f22e2-79b0-7", id[:15])
}

func TestSource_SameRandomnessAndTimesGiveSameIDs(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_700_000_000_000)
	a, b := NewSource(seeded(1)), NewSource(seeded(1))
	for i := range 1000 {
		at := now.Add(time.Duration(i) * 300 * time.Microsecond)
		require.Equal(t, a.Next(at), b.Next(at))
	}
	assert.NotEqual(t, NewSource(seeded(1)).Next(now), NewSource(seeded(2)).Next(now))
}

func TestSource_StaysSortedWhenTheClockGoesBack(t *testing.T) {
	t.Parallel()
	ids := NewSource(nil)
	now := time.UnixMilli(1_700_000_000_000)
	before := ids.Next(now)
	after := ids.Next(now.Add(-time.Hour))
	assert.Less(t, before, after)
	assert.Equal(t, before[:14], after[:14], "the millisecond of the last id is kept")
}

func TestSource_StaysSortedWhenTheRandomBitsOverflow(t *testing.T) {
	t.Parallel()
	ids := NewSource(nil)
	now := time.UnixMilli(1_700_000_000_000)
	ids.Next(now)
	ids.high, ids.low = maxHigh, maxLow
	before := ids.format()
	after := ids.Next(now)
	assert.Less(t, before, after)
	assert.Equal(t, uint64(now.UnixMilli()+1), ids.millis)
}

func TestSource_ContinuesWithoutItsReader(t *testing.T) {
	t.Parallel()
	for name, ids := range map[string]*Source{
		"ended":  NewSource(strings.NewReader("short")),
		"failed": NewSource(iotest.ErrReader(errors.New("unplugged"))),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.UnixMilli(1_700_000_000_000)
			assert.Regexp(t, uuidV7, ids.Next(now))
			assert.Less(t, ids.Next(now), ids.Next(now))
		})
	}
}

func TestSource_IsSortedForAnyClock(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ids := NewSource(seeded(rapid.Uint64().Draw(t, "seed")))
		steps := rapid.SliceOf(rapid.Int64Range(-5_000_000, 5_000_000)).Draw(t, "steps in ns")
		now := time.UnixMilli(1_700_000_000_000)
		made := make([]string, 0, len(steps))
		for _, step := range steps {
			now = now.Add(time.Duration(step))
			made = append(made, ids.Next(now))
		}
		if !slices.IsSorted(made) || len(slices.Compact(slices.Clone(made))) != len(made) {
			t.Fatalf("not strictly increasing: %v", made)
		}
	})
}

func TestSource_ParallelCallersGetDifferentIDs(t *testing.T) {
	t.Parallel()
	const callers, each = 8, 2000
	ids := NewSource(nil)
	now := time.UnixMilli(1_700_000_000_000)
	made := make([][]string, callers)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for range each {
				made[c] = append(made[c], ids.Next(now))
			}
		})
	}
	wg.Wait()
	seen := make(map[string]bool, callers*each)
	for c, own := range made {
		assert.True(t, slices.IsSorted(own), "caller "+strconv.Itoa(c))
		for _, id := range own {
			seen[id] = true
		}
	}
	assert.Len(t, seen, callers*each)
}

func BenchmarkIDSource(b *testing.B) {
	ids := NewSource(nil)
	now := time.UnixMilli(1_700_000_000_000)
	b.ReportAllocs()
	for b.Loop() {
		ids.Next(now)
	}
}

// seeded returns an endless reader whose bytes depend only on seed.
func seeded(seed uint64) *rand.ChaCha8 {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return rand.NewChaCha8(key)
}
