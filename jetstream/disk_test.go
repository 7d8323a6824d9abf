package jetstream_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/jetstream"
)

// ballast is a stream that takes room on the disks.
const ballast = "ballast"

// fill puts messages into the ballast until the servers have no room, or no server has JetStream
// any more.
func fill(t *testing.T, js natsjs.JetStream, piece int) {
	t.Helper()
	_, err := js.CreateStream(t.Context(), natsjs.StreamConfig{Name: ballast, Replicas: nodes})
	require.NoError(t, err)
	for err == nil {
		_, err = js.Publish(t.Context(), ballast, make([]byte, piece))
	}
	t.Logf("the disks are full: %v", err)
}

// The streams take all the disk that the servers may take. Once another stream is deleted, there is
// room again.
func TestDisk_WithoutRoomForMoreStreams(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	for i := range c.servers {
		c.servers[i].MaxStore = 64 << 20
	}
	c.startTogether()
	nc := c.connect(c.urls())
	tr := begin(c, c.open(nc))
	tr.goesOn()
	js, err := natsjs.New(nc)
	require.NoError(t, err)
	fill(t, js, 4<<20)
	fill(t, js, 1<<10)
	fill(t, js, 1)
	event := automation.Event{Name: "signup", Email: "late@example.com", Payload: []byte(`{"n":0}`)}
	_, err = tr.runner.Send(t.Context(), event)
	assert.ErrorIs(t, err, jetstream.ErrUnavailable)
	assert.ErrorContains(t, err, "make room")
	var _ nats.Status
	require.Eventually(t, func() bool { return true }, time.Second, time.Millisecond)
	require.NoError(t, js.DeleteStream(t.Context(), ballast))
	tr.goesOn()
	tr.verify()
}
