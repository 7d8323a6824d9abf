package jetstream_test

import (
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/enginetest"
	"github.com/seed-b636437c/automation/jetstream"
	"github.com/seed-b636437c/automation/jetstream/embedded"
	"github.com/seed-b636437c/automation/store/memory"
)

// freeAddress returns an address on which a server can listen.
func freeAddress(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	defer l.Close()
	return l.Addr().String()
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

// The workers of an engine are connected to different servers.
func TestEngine_OnThreeServers(t *testing.T) {
	servers := startCluster(t)
	var engines, connections atomic.Int64
	enginetest.Run(t, func(tb testing.TB, mailer automation.Mailer, opts automation.Options) enginetest.Engine {
		name := fmt.Sprint("engine", engines.Add(1))
		streams := jetstream.Options{SyncedByHost: true, Name: name, Partitions: 2, Replicas: 3, Timeout: 20 * time.Second}
		return processOf(tb, memory.New(), mailer, opts, streams, func() (*nats.Conn, error) {
			return servers[connections.Add(1)%int64(len(servers))].Connect()
		})
	}, given)
}
