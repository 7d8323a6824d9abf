package jetstream_test

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// kills is how often a test kills. Each kill costs the election of leaders, so that many are for
// make soak.
func kills() int {
	if n, err := strconv.Atoi(os.Getenv("JETSTREAM_KILLS")); err == nil {
		return n
	}
	return 1
}

// killAtRandom kills n times, at random moments while events come, and starts what it has killed
// again. victims returns the children that die at the same moment.
func (t *traffic) killAtRandom(n int, victims func() []string) {
	for range n {
		// NATS elects a leader within 4 to 9 seconds, and accepts nothing if leaders die
		// faster than that.
		t.goesOn()
		pauseFor(t.Context(), time.Second+rand.N(2*time.Second))
		names := victims()
		t.kill(names...)
		pauseFor(t.Context(), rand.N(500*time.Millisecond)) // for so long two servers are the majority
		for _, name := range names {
			t.restart(name)
		}
	}
	t.Logf("%d kills", n)
}

// pauseFor moves what comes next to another moment.
func pauseFor(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func oneOf(names []string) string { return names[rand.IntN(len(names))] }

// Each child is a server and a worker.
func TestKills_OfServersWithTheirWorkers(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.startTogether()
	tr := begin(c, c.open(c.connect(c.urls())))
	tr.killAtRandom(kills(), func() []string { return []string{oneOf(c.names("node"))} })
	tr.verify()
}

// Servers die below workers that live on, workers die, and both at the same moment.
func TestKills_OfServersAndOfWorkers(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.startApart()
	tr := begin(c, c.open(c.connect(c.urls())))
	server := func() []string { return []string{oneOf(c.names("node"))} }
	worker := func() []string { return []string{oneOf(c.names("worker"))} }
	tr.killAtRandom(kills(), server)
	tr.killAtRandom(kills(), worker)
	tr.killAtRandom(kills(), func() []string { return append(server(), worker()...) })
	tr.verify()
}

// All processes die at the same moment, as when the power fails, while runs sleep.
func TestKills_OfAll(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.startTogether()
	tr := begin(c, c.open(c.connect(c.urls())))
	for range min(kills(), 5) {
		tr.killAtRandom(1, func() []string { return c.names("node") })
	}
	tr.goesOn()
	tr.verify()
}
