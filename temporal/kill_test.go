package temporal_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
	"github.com/seed-b636437c/automation/temporal"
)

// crashWorker is the configuration of a child process with a worker.
type crashWorker struct {
	Server        string
	Catalog, Sent string // files that all processes share
}

// crashWorkerVariable makes a process of the test binary such a child.
const crashWorkerVariable = "TEMPORAL_CRASH_WORKER"

func TestMain(m *testing.M) {
	if text := os.Getenv(crashWorkerVariable); text != "" {
		var w crashWorker
		check(json.Unmarshal([]byte(text), &w))
		check(w.run())
		return
	}
	os.Exit(m.Run())
}

// check ends a child with an error.
func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(1)
	}
}

// run works until the process is killed, or its standard input ends: the parent is gone.
func (w crashWorker) run() error {
	ctx, cancel := context.WithCancel(context.Background())
	go func() { _, _ = bufio.NewReader(os.Stdin).ReadByte(); cancel() }()
	c, err := client.Dial(client.Options{HostPort: w.Server, Logger: quiet})
	if err != nil {
		return err
	}
	defer c.Close()
	store, runner, err := w.open(ctx, c)
	if err != nil {
		return err
	}
	err = temporal.NewWorker(store, runner, temporal.WorkerOptions{LostAfter: 2 * time.Second, EffectDeadline: 15 * time.Second}).Run(ctx)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// open returns a store on the server and the shared catalog, with a Runner whose mailer appends to
// the shared file.
func (w crashWorker) open(ctx context.Context, c client.Client) (*temporal.Store, *automation.Runner, error) {
	catalog, err := sqlitefile.Open(ctx, w.Catalog)
	if err != nil {
		return nil, nil, err
	}
	store, err := temporal.New(ctx, c, catalog, temporal.Options{Timeout: 30 * time.Second})
	if err != nil {
		return nil, nil, err
	}
	sent, err := os.OpenFile(w.Sent, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	mailer := mailerFunc(func(e automation.Email) {
		_, err := sent.WriteString(e.IdempotencyKey + "\n")
		check(err)
		time.Sleep(20 * time.Millisecond) // stands for the work of a mail server: many are killed in it
	})
	runner, err := automation.New(store, mailer, automation.Options{EffectTimeout: time.Second})
	return store, runner, err
}

// start starts a child.
func (w crashWorker) start(t *testing.T) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(w)
	require.NoError(t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashWorkerVariable+"="+string(text))
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	_, err = cmd.StdinPipe() // ends with this process
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return cmd
}

// kills is how many processes the test kills.
func kills() int {
	if n, err := strconv.Atoi(os.Getenv("TEMPORAL_KILLS")); err == nil {
		return n
	}
	return 50
}

// Two children work. One after the other is killed at a random moment, while events come.
func TestKills_LoseNothing(t *testing.T) {
	dir := t.TempDir()
	w := crashWorker{Server: startServer(t).address, Catalog: filepath.Join(dir, "catalog.db"), Sent: filepath.Join(dir, "sent")}
	c, err := client.Dial(client.Options{HostPort: w.Server, Logger: quiet})
	require.NoError(t, err)
	defer c.Close()
	_, runner, err := w.open(t.Context(), c)
	require.NoError(t, err)
	_, err = runner.CreateAutomation(t.Context(), flow(email("hello"), automation.Step{Key: "rest", Config: automation.Delay{Duration: automation.DurationOf(time.Second)}}, email("tips")))
	require.NoError(t, err)

	children := []*exec.Cmd{w.start(t), w.start(t)}
	defer func() {
		for _, child := range children {
			_ = child.Process.Kill()
			_ = child.Wait()
		}
	}()
	accepted := 0
	for n := range kills() {
		for until := time.Now().Add(time.Second + rand.N(time.Second)); time.Now().Before(until); accepted++ {
			e := automation.Event{Name: "signup", Email: fmt.Sprintf("%d@example.com", accepted), IdempotencyKey: strconv.Itoa(accepted)}
			_, err := runner.Send(t.Context(), e)
			require.NoError(t, err)
			time.Sleep(rand.N(200 * time.Millisecond))
		}
		child := &children[n%len(children)]
		require.NoError(t, (*child).Process.Kill())
		_ = (*child).Wait()
		*child = w.start(t)
	}
	t.Logf("%d events were accepted during %d kills", accepted, kills())
	require.Eventually(t, func() bool { return completed(t, runner) >= accepted }, 3*time.Minute, 100*time.Millisecond)
	assertSent(t, w.Sent, accepted)
}

// assertSent asserts that both emails of each of n runs were sent, and no others. Emails whose
// outcome was lost are sent again, as AtLeastOnce allows: their number depends on the moment of the
// kill, and is logged.
func assertSent(t *testing.T, path string, n int) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	times := map[string]int{}
	for key := range strings.FieldsSeq(string(text)) {
		times[key]++
	}
	repeated := 0
	for _, count := range times {
		repeated += count - 1
	}
	t.Logf("%d emails, %d of them again", len(times), repeated)
	assert.Len(t, times, 2*n, "each email of each run, and no other run")
}
