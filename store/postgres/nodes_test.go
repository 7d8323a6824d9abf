package postgres_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/store/postgres"
)

// nodeEnv turns the test binary into a node that claims from the database at this URL.
const nodeEnv = "AUTOMATION_TEST_NODE"

func TestMain(m *testing.M) {
	if url := os.Getenv(nodeEnv); url != "" {
		if err := claimAll(context.Background(), url, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	m.Run()
}

// claimAll prints that it is ready, waits for a line of input, and claims a few contacts
// at a time until none is left. It prints the contacts.
func claimAll(ctx context.Context, url string, in io.Reader, out io.Writer) error {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return err
	}
	defer pool.Close()
	s, err := postgres.New(pool, postgres.Options{})
	if err != nil {
		return err
	}
	if _, err := s.NextDue(ctx); err != nil {
		return err
	}
	fmt.Fprintln(out, "ready")
	if _, err := bufio.NewReader(in).ReadString('\n'); err != nil {
		return err
	}
	for {
		works, err := s.Claim(ctx, automation.ClaimParams{Now: time.Now(), Lease: time.Hour, Limit: 3, Events: 10, Runs: 10})
		if err != nil || len(works) == 0 {
			return err
		}
		for _, w := range works {
			fmt.Fprintln(out, w.Key.ID)
		}
	}
}

func TestClaim_ProcessesNeverShareAContact(t *testing.T) {
	t.Parallel()
	const nodes, contacts = 4, 300
	url := pgtest.URL(t)
	s := newStore(t, newPool(t, url, nil), postgres.Options{})
	require.NoError(t, s.Migrate(t.Context()))
	var events []automation.NewEvent
	for i := range contacts {
		e := order(i, "")
		e.Event.ContactID, e.HostContact = fmt.Sprintf("c%d", i), true
		events = append(events, e)
	}
	_, err := s.AppendEvents(t.Context(), events)
	require.NoError(t, err)

	var all []*node
	var begin []io.Writer
	for range nodes {
		n := startNode(t, url)
		all, begin = append(all, n), append(begin, n.in)
	}
	_, err = fmt.Fprintln(io.MultiWriter(begin...))
	require.NoError(t, err)
	claimed := map[string]int{}
	for _, n := range all {
		for n.lines.Scan() {
			claimed[n.lines.Text()]++
		}
		assert.NoError(t, n.Wait())
	}
	assert.Len(t, claimed, contacts)
	for contact, n := range claimed {
		assert.Equal(t, 1, n, contact)
	}
}

// node is a process that claims.
type node struct {
	*exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

// startNode starts a node and waits until it is ready.
func startNode(t *testing.T, url string) *node {
	t.Helper()
	n := &node{Cmd: exec.CommandContext(t.Context(), os.Args[0])}
	n.Env = append(os.Environ(), nodeEnv+"="+url)
	n.Stderr = os.Stderr
	var err error
	n.in, err = n.StdinPipe()
	require.NoError(t, err)
	out, err := n.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, n.Start())
	n.lines = bufio.NewScanner(out)
	require.True(t, n.lines.Scan(), "the node has started")
	return n
}

// Each node claims contacts, handles their events and releases the leases, while the
// other nodes do the same and more events arrive. No two transactions may wait for each
// other, because the server would end such a deadlock only after a second.
func TestClaim_NeverMeetsACommitInADeadlock(t *testing.T) {
	t.Parallel()
	const nodes, contacts, batch = 4, 6000, 100
	var deadlocks, handled atomic.Int64
	url := pgtest.URL(t)
	s := newStore(t, newPool(t, url, nil), postgres.Options{})
	require.NoError(t, s.Migrate(t.Context()))
	var wg sync.WaitGroup
	for range nodes {
		node := newStore(t, newPool(t, url, func(c *pgxpool.Config) { countDeadlocks(c, &deadlocks) }), postgres.Options{})
		wg.Go(func() {
			for handled.Load() < contacts && !t.Failed() {
				handled.Add(int64(handleAll(t, node)))
			}
		})
	}
	for from := 0; from < contacts; from += batch {
		var events []automation.NewEvent
		for i := range batch {
			e := order(from+i, "")
			e.Event.ContactID, e.HostContact = fmt.Sprintf("c%d", from+i), true
			events = append(events, e)
		}
		_, err := s.AppendEvents(t.Context(), events)
		assert.NoError(t, err)
	}
	wg.Wait()
	assert.Zero(t, deadlocks.Load())
	assert.EqualValues(t, contacts, handled.Load())
}

// countDeadlocks makes the server look for deadlocks at once, and counts those that it
// finds.
func countDeadlocks(c *pgxpool.Config, n *atomic.Int64) {
	c.ConnConfig.RuntimeParams["deadlock_timeout"] = "1ms"
	usual := c.ConnConfig.OnPgError
	c.ConnConfig.OnPgError = func(conn *pgconn.PgConn, err *pgconn.PgError) bool {
		if err.Code == "40P01" {
			n.Add(1)
		}
		return usual(conn, err)
	}
}

// handleAll claims until nothing is due, commits twice for each claim, and returns how
// many events there were. As in a Runner, the next claim does not wait for commits.
func handleAll(t *testing.T, s *postgres.Store) int {
	n := 0
	var commits sync.WaitGroup
	defer commits.Wait()
	for {
		now := time.Now()
		works, err := s.Claim(t.Context(), automation.ClaimParams{Now: now, Lease: time.Hour, Limit: 100, Events: 10, Runs: 10})
		if !assert.NoError(t, err) || len(works) == 0 {
			return n
		}
		extend, release := make([]automation.Transition, len(works)), make([]automation.Transition, len(works))
		for i, w := range works {
			n += len(w.Events)
			extend[i] = automation.Transition{Key: w.Key, Token: w.Token, Now: now, Extend: now.Add(time.Hour)}
			for _, e := range w.Events {
				extend[i].Handled = append(extend[i].Handled, automation.HandledEvent{ID: e.ID})
			}
			release[i] = automation.Transition{Key: w.Key, Token: w.Token, Now: now, Release: true}
		}
		commits.Go(func() {
			for _, ts := range [][]automation.Transition{extend, release} {
				results, err := s.Commit(t.Context(), ts)
				assert.NoError(t, err)
				for _, r := range results {
					assert.NoError(t, r.Err)
				}
			}
		})
	}
}
