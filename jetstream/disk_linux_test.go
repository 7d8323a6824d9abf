package jetstream_test

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// mountSmallDisk mounts a disk of some megabytes on a folder. It skips the test where that is not
// allowed: TestDisk_WithoutRoomStopsTheClusterUntilThereIsRoom has limits of the servers instead.
func mountSmallDisk(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o700))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64m"); err != nil {
		t.Skipf("a disk of its own needs root: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
}

// fillDisk writes a file until the disk has no room.
func fillDisk(t *testing.T, dir string) (file string) {
	t.Helper()
	file = filepath.Join(dir, "other")
	f, err := os.Create(file)
	require.NoError(t, err)
	defer f.Close()
	for piece := 1 << 20; piece > 0; piece /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, piece))
		}
		require.ErrorIs(t, err, syscall.ENOSPC)
	}
	return file
}

// A disk of one server fills. The server ends its JetStream, and the others go on. When there is room
// again, the server is started again, and gets what it has missed.
func TestDisk_OfOneServerThatIsFull(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	mountSmallDisk(t, c.servers[0].Dir)
	t.Cleanup(c.end) // before the disk is gone
	c.startTogether()
	nc := c.connect(c.urls())
	tr := begin(c, c.open(nc))
	tr.goesOn()
	c.lost++ // its worker may have no server for a moment
	other := fillDisk(t, c.servers[0].Dir)
	js, err := natsjs.New(nc)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return isOffline(t, js, "node0") }, time.Minute, 100*time.Millisecond, "the server has ended its JetStream")
	tr.goesOn()

	require.NoError(t, os.Remove(other))
	c.kill("node0")
	c.restart("node0")
	assertReplicated(t, js)
	tr.goesOn()
	tr.verify()
}

// isOffline reports whether a server does not follow the stream of events.
func isOffline(t *testing.T, js natsjs.JetStream, server string) bool {
	stream, err := js.Stream(t.Context(), "automation_events")
	if err != nil {
		return false
	}
	cluster := stream.CachedInfo().Cluster
	return cluster.Leader != server && slices.ContainsFunc(cluster.Replicas, func(r *natsjs.PeerInfo) bool {
		return r.Name == server && (r.Offline || !r.Current)
	})
}
