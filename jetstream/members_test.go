package jetstream

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestMembership_CountsAWorkerAsGoneOnlyWhileItCouldLook(t *testing.T) {
	m := newMembership(time.Second)
	at := func(second int) time.Time { return time.Unix(int64(second), 0) }
	m.look(map[string]uint64{"a": 1, "b": 1}, at(0))
	m.look(map[string]uint64{"a": 2, "b": 2}, at(1))
	assert.Equal(t, []string{"a", "b"}, m.alive())

	// No server answers for 20 seconds. Then a shows itself again, a moment before b can.
	m.look(map[string]uint64{"a": 3, "b": 2}, at(21))
	assert.Equal(t, []string{"a", "b"}, m.alive())
	for second := 22; second <= 23; second++ {
		m.look(map[string]uint64{"a": uint64(second), "b": 2}, at(second))
		assert.Equal(t, []string{"a", "b"}, m.alive(), "at second %d", second)
	}
	m.look(map[string]uint64{"a": 24, "b": 2}, at(24))
	assert.Equal(t, []string{"a"}, m.alive(), "b has been silent for more than four heartbeats")

	m.look(map[string]uint64{"a": 25, "b": 3}, at(25))
	assert.Equal(t, []string{"a", "b"}, m.alive(), "b is back")
	m.look(map[string]uint64{"a": 26}, at(26))
	assert.Equal(t, []string{"a"}, m.alive(), "b has ended in order")
}
