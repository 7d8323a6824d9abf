package jetstream_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/jetstream"
	"github.com/seed-b636437c/automation/store/memory"
)

// Of three servers one starts, then all, and then two are gone.
func TestCluster_WithoutAMajority(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.start(child{Name: "node0", Server: &c.servers[0]})
	nc := c.connect("nats://" + c.servers[0].Listen)
	opts := jetstream.Options{SyncedByHost: true, Partitions: 1, Replicas: 3, Timeout: 2 * time.Second}
	unavailable := func(err error) {
		t.Helper()
		require.ErrorIs(t, err, jetstream.ErrUnavailable)
		require.ErrorContains(t, err, "a majority of the servers must run, and have room on their disks: start those that are down")
	}
	began := time.Now()
	_, err := jetstream.New(t.Context(), nc, memory.New(), opts)
	unavailable(err)
	require.Less(t, time.Since(began), 15*time.Second)

	c.start(child{Name: "node1", Server: &c.servers[1]})
	c.start(child{Name: "node2", Server: &c.servers[2]})
	opts.Timeout = time.Minute
	_, err = jetstream.New(t.Context(), nc, memory.New(), opts)
	require.NoError(t, err, "New waits for a majority")
	opts.Timeout = 2 * time.Second
	store, err := jetstream.New(t.Context(), nc, memory.New(), opts)
	require.NoError(t, err)

	c.kill("node1", "node2")
	began = time.Now()
	_, err = automation.Send(t.Context(), store, automation.Event{Name: "signup", Email: "ada@example.com"})
	unavailable(err)
	_, err = automation.Send(t.Context(), store, automation.Event{Name: "signup", Email: "ada@example.com", IdempotencyKey: "1"})
	unavailable(err)
	require.Less(t, time.Since(began), 15*time.Second)

	c.restart("node1")
	require.Eventually(t, func() bool {
		_, err = automation.Send(t.Context(), store, automation.Event{Name: "signup", Email: "ada@example.com", IdempotencyKey: "1"})
		return err == nil
	}, time.Minute, 10*time.Millisecond)
}
