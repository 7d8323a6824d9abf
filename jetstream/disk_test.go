package jetstream_test

import (
	"strings"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// The streams have all the disk that the servers may take, because another stream of the same servers
// has so much of it. When that stream is deleted, there is room again.
func TestDisk_WithoutRoomStopsTheClusterUntilThereIsRoom(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	for i := range c.servers {
		c.servers[i].MaxStore = 32 << 20
	}
	c.startTogether()
	nc := c.connect(c.urls())
	tr := begin(c, c.open(nc))
	tr.goesOn()
	js, err := natsjs.New(nc)
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), natsjs.StreamConfig{Name: "other", Replicas: nodes})
	require.NoError(t, err)
	require.NoError(t, err)
	c.lost = nodes // no worker can write outcomes
	require.Eventually(t, func() bool {
		_, _ = js.Publish(t.Context(), "other", make([]byte, 1<<20))
		return tr.failed.Load() > senders
	}, time.Minute, time.Millisecond, "Send fails with jetstream.ErrUnavailable")
	require.Eventually(t, func() bool {
		return strings.Contains(c.log("node0")+c.log("node1")+c.log("node2"), "make room on those that are full")
	}, time.Minute, 100*time.Millisecond, "workers log why they wait")

	require.NoError(t, js.DeleteStream(t.Context(), "other"))
	tr.goesOn()
	assertReplicated(t, js)
	tr.verify()
}
