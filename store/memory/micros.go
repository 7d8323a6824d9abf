package memory

import (
	"time"
)

// micros is a time in microseconds since the zero time, which is therefore 0. It has a
// third of the size of a time.Time and no pointer for the garbage collector to follow.
type micros int64

// epoch is 1970 in micros.
const epoch = 62135596800 * 1e6

func toMicros(t time.Time) micros { return micros(t.UnixMicro() + epoch) }

// asKept returns t as the store keeps it: in UTC, with microseconds.
func asKept(t time.Time) time.Time { return toMicros(t).time() }

func (m micros) time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(m) - epoch).UTC()
}
