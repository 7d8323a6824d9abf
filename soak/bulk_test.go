//go:build unix

package soak

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/pgtest"
)

func TestSQLite_BulkIsKilledAndCalledAgain(t *testing.T) {
	t.Parallel()
	config := newFile(t)
	playBulk(t, config)
	requireSound(t, config)
}

func TestPostgres_BulkIsKilledAndCalledAgain(t *testing.T) {
	t.Parallel()
	playBulk(t, storeConfig{"postgres", pgtest.URL(t)})
}

// bulkFlow is the automation that a bulk starts.
const bulkFlow = "news"

// batch is how many contacts StartMany starts at once.
const batch = 1000

// bulkEnv makes the test binary a process that starts a bulk. Its value is a bulkConfig.
const bulkEnv = "AUTOMATION_SOAK_BULK"

// bulkConfig configures such a process.
type bulkConfig struct {
	Store storeConfig
	Max   int
}

// bulkMain starts the automation for all contacts, and works on the runs meanwhile. After each
// batch with new events it prints how many there were, and reads a line before it goes on. At
// the end it prints the result, and works on until standard input ends.
func bulkMain(config string) error {
	var c bulkConfig
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	opened, err := c.Store.open(ctx)
	if err != nil {
		return err
	}
	starter, ok := automation.StoreAs[automation.BulkStarter](opened)
	if !ok {
		return fmt.Errorf("the store is a %T: %w", opened, errors.ErrUnsupported)
	}
	store := gradual{opened, starter, bufio.NewScanner(os.Stdin)}
	runner, err := automation.New(store, noMailer{}, automation.Options{Lease: lease, PollInterval: 100 * time.Millisecond})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- runner.Run(ctx) }()
	bulk, err := runner.StartMany(ctx, automation.BulkStart{
		ID: "spring", AutomationID: bulkFlow, Max: c.Max, Contacts: runner.ContactsWhere(ctx, "", automation.Rule{}),
		Payload: automation.Payload(map[string]any{"n": 1}),
	})
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(bulk)
		store.permits.Scan()
	}
	stop()
	if stopped := <-ended; !errors.Is(stopped, context.Canceled) {
		err = errors.Join(err, stopped)
	}
	return errors.Join(err, opened.Close())
}

// gradual is a store that needs a permit to go on after each step of a bulk.
type gradual struct {
	closingStore
	automation.BulkStarter
	permits *bufio.Scanner
}

// Unwrap returns the store, so that a Runner finds its optional interfaces.
func (s gradual) Unwrap() automation.Store { return s.closingStore }

// StartRuns implements automation.BulkStarter.
func (s gradual) StartRuns(ctx context.Context, step automation.BulkStep) ([]automation.StartOutcome, error) {
	outcomes, err := s.BulkStarter.StartRuns(ctx, step)
	if err == nil {
		fmt.Println(len(outcomes))
		if !s.permits.Scan() {
			return nil, io.ErrUnexpectedEOF // the test is gone
		}
	}
	return outcomes, err
}

// bulkSize returns how many contacts a bulk has, and how often the process that starts it is
// killed: 100,000 and 20 in a long test.
func bulkSize(t *testing.T) (contacts, kills int) {
	t.Helper()
	if kills = min(blows(t, 5), 20); kills < 20 {
		return 4000 * kills, kills
	}
	return 100_000, kills
}

// bulk is a bulk that is started by one process after another, and what happens to the contacts
// meanwhile.
type bulk struct {
	t       *testing.T
	random  *rand.Rand
	config  bulkConfig
	store   closingStore
	runner  *automation.Runner
	there   []string // the ids of the contacts that were there before the first process
	made    []string
	deleted map[string]bool
}

// playBulk kills the process that starts a bulk again and again, in the middle of its work, while
// contacts are made and deleted. The last process does the rest. Then each contact that was there
// from the beginning to the end has one run.
func playBulk(t *testing.T, config storeConfig) {
	t.Helper()
	contacts, kills := bulkSize(t)
	b := &bulk{
		t: t, random: rand.New(rand.NewPCG(seed(t), 0)), config: bulkConfig{Store: config, Max: 2 * contacts}, deleted: map[string]bool{},
	}
	b.prepare(contacts)
	for range kills {
		p := b.start()
		// Two batches may be on their way when the process dies, and the last process must have work.
		for rest := b.random.IntN(contacts/kills-2*batch) - p.fresh(); rest >= 0; rest -= p.fresh() {
			p.permit()
			b.meddle()
		}
		if b.random.IntN(2) == 0 { // within the next batch, and not between two
			p.permit()
			<-time.After(time.Duration(b.random.IntN(5000)) * time.Microsecond)
		}
		p.kill()
		b.meddle()
	}
	early := len(b.made)
	p := b.start()
	line := p.line()
	for n, err := strconv.Atoi(line); err == nil; n, err = strconv.Atoi(line) {
		require.Positive(t, n)
		p.permit()
		b.meddle()
		line = p.line()
	}
	var result automation.Bulk
	require.NoError(t, json.Unmarshal([]byte(line), &result), line)
	require.NoError(t, awaitIdle(t.Context(), b.store, 5*time.Minute))
	p.end()
	t.Logf("%d kills, %d contacts made, %d deleted; the last call: %+v", kills, len(b.made), len(b.deleted), result)
	assert.Positive(t, result.Accepted, "the last process has something to do")
	b.check(early)
}

// prepare makes the automation and the contacts.
func (b *bulk) prepare(contacts int) {
	b.t.Helper()
	var err error
	b.store, err = b.config.Store.open(b.t.Context())
	require.NoError(b.t, err)
	b.t.Cleanup(func() { assert.NoError(b.t, b.store.Close()) })
	b.runner, err = automation.New(b.store, noMailer{}, automation.Options{})
	require.NoError(b.t, err)
	_, err = b.runner.Apply(b.t.Context(), automation.Automation{
		ID: bulkFlow, Name: "News", Status: automation.StatusEnabled,
		Steps:       []automation.Step{{Key: "told", Config: automation.Trigger{EventName: "news.told"}}, {Key: "mark", Config: set("told", "event.n")}},
		Connections: []automation.Connection{{From: "told", To: "mark"}},
	})
	require.NoError(b.t, err)
	ids := make(chan string)
	var makers sync.WaitGroup
	for range 64 { // stores write together what comes together
		makers.Go(func() {
			for id := range ids {
				assert.NoError(b.t, b.create(id))
			}
		})
	}
	for i := range contacts {
		id := fmt.Sprint("c", i)
		b.there = append(b.there, id)
		ids <- id
	}
	close(ids)
	makers.Wait()
}

func (b *bulk) create(id string) error {
	_, err := b.runner.CreateContact(b.t.Context(), automation.Contact{ID: id, Email: id + "@example.com"})
	return err
}

// meddle makes a contact and deletes another.
func (b *bulk) meddle() {
	b.t.Helper()
	id := fmt.Sprint("m", len(b.made))
	b.made = append(b.made, id)
	require.NoError(b.t, b.create(id))
	if id = b.there[b.random.IntN(len(b.there))]; !b.deleted[id] {
		b.deleted[id] = true
		require.NoError(b.t, b.runner.DeleteContact(b.t.Context(), id))
	}
}

// check checks the runs of each contact. The first contacts of made were made before the last
// process.
func (b *bulk) check(early int) {
	b.t.Helper()
	started := map[string]int{}
	q := automation.RunQuery{AutomationID: bulkFlow, PageQuery: automation.PageQuery{Limit: 100}}
	for more := true; more; {
		page, err := b.runner.ListRuns(b.t.Context(), q)
		require.NoError(b.t, err)
		for _, r := range page.Data {
			started[r.ContactID]++
			q.After = r.ID
			if !b.deleted[r.ContactID] {
				assert.Equal(b.t, automation.RunCompleted, r.Status, r.ContactID)
			}
		}
		more = page.HasMore
	}
	expect := func(id string, atLeast int) {
		if n := started[id]; n < atLeast || n > 1 {
			assert.Fail(b.t, "wrong number of runs", "contact %s has %d runs", id, n)
		}
		delete(started, id)
	}
	for _, id := range b.there {
		if b.deleted[id] {
			expect(id, 0)
		} else {
			expect(id, 1)
		}
	}
	for i, id := range b.made {
		if i < early {
			expect(id, 1)
		} else {
			expect(id, 0)
		}
	}
	assert.Empty(b.t, started)
}

// starter is a process that starts the bulk.
type starter struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines *bufio.Scanner
	stdin io.WriteCloser
	log   bytes.Buffer
}

func (b *bulk) start() *starter {
	b.t.Helper()
	config, err := json.Marshal(b.config)
	require.NoError(b.t, err)
	p := &starter{t: b.t, cmd: exec.Command(os.Args[0])}
	p.cmd.Env = append(os.Environ(), bulkEnv+"="+string(config))
	p.cmd.Stderr = &p.log
	p.stdin, err = p.cmd.StdinPipe()
	require.NoError(b.t, err)
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(b.t, err)
	p.lines = bufio.NewScanner(stdout)
	require.NoError(b.t, p.cmd.Start())
	b.t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait()
		}
	})
	return p
}

// line returns the next line that the process prints.
func (p *starter) line() string {
	p.t.Helper()
	if !p.lines.Scan() {
		p.t.Fatalf("the process has ended: %v\n%s", p.cmd.Wait(), &p.log)
	}
	return p.lines.Text()
}

// fresh returns how many events the next batch with new events has.
func (p *starter) fresh() int {
	p.t.Helper()
	n, err := strconv.Atoi(p.line())
	require.NoError(p.t, err, "the bulk is done before the process is killed")
	return n
}

// permit lets the process go on.
func (p *starter) permit() {
	p.t.Helper()
	_, err := fmt.Fprintln(p.stdin)
	require.NoError(p.t, err)
}

// kill kills the process.
func (p *starter) kill() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Kill())
	_ = p.cmd.Wait()
	require.True(p.t, p.cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled(), "%s\n%s", p.cmd.ProcessState, &p.log)
	require.NotContains(p.t, p.log.String(), "DATA RACE")
}

// end lets the process end.
func (p *starter) end() {
	p.t.Helper()
	require.NoError(p.t, p.stdin.Close())
	require.NoError(p.t, p.cmd.Wait(), "%s", &p.log)
}
