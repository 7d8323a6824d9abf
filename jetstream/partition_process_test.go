package jetstream_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// network are the links of a cluster: one from each server to each other, and one to each server
// for clients.
type network struct {
	routes  [nodes][nodes]*link // from, to
	clients [nodes]*link
}

// newNetwork puts links between the servers of a cluster that does not run yet.
func newNetwork(c *cluster) *network {
	var n network
	for to := range c.servers {
		n.clients[to] = newLink(c.T, c.servers[to].Listen)
		for from := range c.servers {
			n.routes[from][to] = newLink(c.T, c.servers[to].Cluster.Listen)
		}
	}
	for from := range c.servers {
		cluster := &c.servers[from].Cluster
		cluster.Advertise = freeAddress(c) // where no server listens: servers must not find ways around the links
		cluster.Routes = nil
		for to := range c.servers {
			if from != to {
				cluster.Routes = append(cluster.Routes, "nats://"+n.routes[from][to].address())
			}
		}
	}
	return &n
}

// urls are the addresses of all servers for clients.
func (n *network) urls() string {
	var all []string
	for _, l := range n.clients {
		all = append(all, "nats://"+l.address())
	}
	return strings.Join(all, ",")
}

// linksOf returns all links of one server.
func (n *network) linksOf(i int) []*link {
	all := []*link{n.clients[i]}
	for other := range nodes {
		if other != i {
			all = append(all, n.routes[i][other], n.routes[other][i])
		}
	}
	return all
}

// owners returns which workers own the partitions.
func owners(t *testing.T, js natsjs.JetStream) (all []string) {
	for p := range clusterPartitions {
		all = append(all, ownerOfPartition(t.Context(), js, p))
	}
	return all
}

// ownerOfPartition returns the worker that owns a partition, or nothing if no server answers.
func ownerOfPartition(ctx context.Context, js natsjs.JetStream, p int) string {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	stream, err := js.Stream(ctx, fmt.Sprint("automation_state_", p))
	if err != nil {
		return ""
	}
	msg, err := stream.GetLastMsgForSubject(ctx, fmt.Sprint("automation.cp.", p))
	if err != nil {
		return ""
	}
	var checkpoint struct{ Owner string }
	if json.Unmarshal(msg.Data, &checkpoint) != nil {
		return ""
	}
	return checkpoint.Owner
}

// One node, a server with its worker, is cut off from the others and from their clients. The others
// go on with all partitions, and after the links are mended all three do. No other test runs
// meanwhile: servers that get too little of the machine elect leaders again and again.
func TestPartition_OfTheNetworkLosesNothing(t *testing.T) {
	c := newCluster(t)
	network := newNetwork(c)
	c.startTogether()
	nc := c.connect(network.urls())
	tr := begin(c, c.open(nc))
	js, err := natsjs.New(nc)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return !slices.Contains(owners(t, js), "") }, time.Minute, 100*time.Millisecond, "each partition has an owner")
	lonely := owners(t, js)[0]
	i := slices.Index(c.names("node"), lonely)
	beside := c.connect("nats://" + c.servers[i].Listen) // a client on the side of the minority
	besideRunner := c.open(beside)

	for _, l := range network.linksOf(i) {
		l.cut()
	}
	c.lost++ // its worker cannot write outcomes
	tr.goesOn()
	if !assert.Eventually(t, func() bool {
		all := owners(t, js)
		return !slices.Contains(all, lonely) && !slices.Contains(all, "")
	}, time.Minute, 100*time.Millisecond, "the worker of the minority loses its partitions") {
		t.Fatalf("the owners are %q; %s is the minority", owners(t, js), lonely)
	}
	_, err = besideRunner.Send(t.Context(), automation.Event{Name: unanswered, Email: "minority@example.com"})
	require.Error(t, err, "a minority confirms nothing")

	for _, l := range network.linksOf(i) {
		l.mend()
	}
	require.Eventually(t, func() bool { return slices.Contains(owners(t, js), lonely) }, time.Minute, 100*time.Millisecond, "the worker has partitions again")
	assertReplicated(t, js)
	tr.verify()
}

// assertReplicated asserts that soon each server has all of each stream.
func assertReplicated(t *testing.T, js natsjs.JetStream) {
	t.Helper()
	names := []string{"automation_events"}
	for p := range clusterPartitions {
		names = append(names, fmt.Sprint("automation_state_", p))
	}
	for _, name := range names {
		assert.Eventually(t, func() bool {
			stream, err := js.Stream(t.Context(), name)
			if err != nil {
				return false
			}
			replicas := stream.CachedInfo().Cluster.Replicas
			return len(replicas) == nodes-1 && !slices.ContainsFunc(replicas, func(r *natsjs.PeerInfo) bool { return !r.Current || r.Offline })
		}, time.Minute, 100*time.Millisecond, "each server has the stream "+name)
	}
}
