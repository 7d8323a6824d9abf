package uuid

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Derived returns a UUID of version 7 with the time t and with random bits that depend on t, n
// and parts only. Ids with a later microsecond are greater, and among those of one microsecond
// the ones with a greater n. They are greater than those that a Source draws for the same
// millisecond.
func Derived(t time.Time, n uint8, parts ...string) string {
	h := sha256.New()
	var size [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write([]byte(part))
	}
	sum := binary.BigEndian.Uint64(h.Sum(nil))
	// The microseconds within the millisecond are in rand_a, as method 3 of RFC 9562,
	// section 6.2, has them. A Source leaves its highest bit clear.
	micros := uint64(t.UnixMicro() - 1000*t.UnixMilli())
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], millisOf(t)<<16|7<<12|1<<11|micros<<1)
	binary.BigEndian.PutUint64(raw[8:], 0b10<<62|uint64(n)<<54|sum>>10)
	return Format(raw)
}
