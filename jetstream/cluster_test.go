package jetstream_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/enginetest"
	"github.com/seed-b636437c/automation/internal/freeport"
	"github.com/seed-b636437c/automation/jetstream"
	"github.com/seed-b636437c/automation/jetstream/embedded"
	"github.com/seed-b636437c/automation/store/memory"
)

// freeAddress returns an address on which a server can listen.
func freeAddress(tb testing.TB) string {
	tb.Helper()
	address, err := freeport.Address()
	require.NoError(tb, err)
	return address
}

// startCluster starts servers that keep every stream three times.
func startCluster(tb testing.TB) []*embedded.Server {
	tb.Helper()
	const n = 3
	var routes, addresses []string
	for range n {
		address := freeAddress(tb)
		addresses, routes = append(addresses, address), append(routes, "nats://"+address)
	}
	servers := make([]*embedded.Server, n)
	for i := range servers {
		s, err := embedded.Start(embedded.Options{
			Dir: tb.TempDir(), Name: fmt.Sprint("node", i),
			Cluster: embedded.Cluster{Name: "test", Listen: addresses[i], Routes: routes},
		})
		require.NoError(tb, err)
		tb.Cleanup(s.Close)
		servers[i] = s
	}
	return servers
}

// deleteStreams deletes the streams of an engine.
func deleteStreams(tb testing.TB, s *embedded.Server, name string) {
	nc, err := s.Connect()
	require.NoError(tb, err)
	defer nc.Close()
	js, err := natsjs.New(nc)
	require.NoError(tb, err)
	for stream := range js.StreamNames(context.Background()).Name() {
		if strings.HasPrefix(stream, name+"_") || strings.HasPrefix(stream, "KV_"+name+"_") {
			assert.NoError(tb, js.DeleteStream(context.Background(), stream))
		}
	}
}

// The workers of an engine are connected to different servers.
func TestEngine_OnThreeServers(t *testing.T) {
	servers := startCluster(t)
	var engines, connections atomic.Int64
	enginetest.Run(t, func(tb testing.TB, mailer automation.Mailer, opts automation.Options) enginetest.Engine {
		name := fmt.Sprint("engine", engines.Add(1))
		streams := jetstream.Options{SyncedByHost: true, Name: name, Partitions: 2, Replicas: 3, Timeout: 20 * time.Second}
		tb.Cleanup(func() { deleteStreams(tb, servers[0], name) }) // idle streams cost their servers, too
		return processOf(tb, memory.New(), mailer, opts, streams, func() (*nats.Conn, error) {
			return servers[connections.Add(1)%int64(len(servers))].Connect()
		})
	}, given)
}
