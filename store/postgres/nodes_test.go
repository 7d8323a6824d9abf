package postgres_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/store/postgres"
)

// nodeEnv makes the test binary a node of its own: it claims from the database at
// this URL.
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

// claimAll says that it is ready, waits to be told to begin, and claims until there
// is nothing left, a few contacts at a time. It prints the contacts.
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
			fmt.Fprintln(out, w.Contact.ID)
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
