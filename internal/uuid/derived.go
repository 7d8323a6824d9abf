package uuid

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Derived returns a UUID of version 7 with the time t and with random bits that depend on t
// and on parts only. Of two ids, the one with the later microsecond is the greater one.
func Derived(t time.Time, parts ...string) string {
	h := sha256.New()
	var size [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write([]byte(part))
	}
	sum := h.Sum(nil)
	// rand_a has the microseconds within the millisecond, as method 3 of RFC 9562,
	// section 6.2, has it: the ids of two events of one millisecond are in their order.
	micros := uint64(t.UnixMicro() - 1000*t.UnixMilli())
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], millisOf(t)<<16|7<<12|micros<<2)
	binary.BigEndian.PutUint64(raw[8:], 0b10<<62|binary.BigEndian.Uint64(sum)&maxLow)
	return Format(raw)
}
