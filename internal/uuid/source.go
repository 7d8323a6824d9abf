// Package uuid creates UUIDs of version 7 and formats UUIDs as text.
package uuid

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"io"
	"sync"
	"time"
)

// Source creates UUIDs of version 7 (RFC 9562), which sort by their time of creation.
// As a string, each id is greater than all earlier ids of the same source, even within
// a millisecond and after the clock goes back. A Source is safe for concurrent use. The
// same random bytes and times give the same ids.
//
// Within a millisecond a Source follows method 2 of RFC 9562, section 6.2. The 74
// random bits are one number. The source draws the number for each millisecond, and
// adds a random step to it for each further id. While the clock is behind the last id,
// the source uses the millisecond of the last id. If the number overflows, it uses the
// next millisecond.
type Source struct {
	mu     sync.Mutex
	random *bufio.Reader
	bytes  [10]byte // a buffer for random bytes, here to avoid allocations
	millis uint64   // 48 bits: milliseconds since 1970
	high   uint64   // rand_a, the high 12 of the 74 random bits
	low    uint64   // rand_b, the low 62
}

const (
	maxMillis = 1<<48 - 1
	maxHigh   = 1<<12 - 1
	maxLow    = 1<<62 - 1

	// With randomBuffer, one read from the operating system suffices for hundreds of
	// ids.
	randomBuffer = 4 << 10
)

// NewSource returns a source that draws from random. Nil means crypto/rand. If random
// fails or ends, the source continues with crypto/rand: Next cannot fail.
func NewSource(random io.Reader) *Source {
	if random == nil {
		random = rand.Reader
	}
	return &Source{random: bufio.NewReaderSize(random, randomBuffer)}
}

// Next returns a new id with the time now.
func (s *Source) Next(now time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if millis := millisOf(now); millis > s.millis {
		s.millis = millis
		s.seed()
	} else {
		s.advance()
	}
	return s.format()
}

// millisOf returns now in milliseconds, within the 48 bits of an id.
func millisOf(now time.Time) uint64 {
	return uint64(min(max(now.UnixMilli(), 0), maxMillis))
}

// Below returns a text that is less than the UUIDs of version 7 with the time t or a
// later one, and greater than those with an earlier millisecond.
func Below(t time.Time) string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], millisOf(t)<<16)
	return Format(raw)
}

// seed draws new random bits. It clears the highest bit, which makes an overflow within
// the millisecond practically impossible.
func (s *Source) seed() {
	b := s.draw(10)
	s.high = uint64(binary.BigEndian.Uint16(b)) & (maxHigh >> 1)
	s.low = binary.BigEndian.Uint64(b[2:]) & maxLow
}

// advance increases the random bits by 1 to 2^32.
func (s *Source) advance() {
	s.low += 1 + uint64(binary.BigEndian.Uint32(s.draw(4)))
	if s.low > maxLow {
		s.low &= maxLow
		s.high++
	}
	if s.high > maxHigh {
		s.millis++
		s.seed()
	}
}

// draw returns n random bytes, which are valid until the next call.
func (s *Source) draw(n int) []byte {
	b := s.bytes[:n]
	if _, err := io.ReadFull(s.random, b); err != nil {
		s.random.Reset(rand.Reader)
		rand.Read(b)
	}
	return b
}

// format returns the id: 48 bits of time, the version 7, rand_a, the variant 10
// (binary), and rand_b.
func (s *Source) format() string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], s.millis<<16|7<<12|s.high)
	binary.BigEndian.PutUint64(raw[8:], 0b10<<62|s.low)
	return Format(raw)
}
