//go:build unix

package soak

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/rpc"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/seed-b636437c/automation"
)

// nodeEnv makes the test binary a node. Its value is a nodeConfig.
const nodeEnv = "AUTOMATION_SOAK_NODE"

// lease is how long a contact stays with a node that was killed.
const lease = time.Second

// storeTimeout is how long a call of the store may take.
const storeTimeout = 5 * time.Second

// retention is how long ended runs and handled events are kept: longer than a commit takes that is
// not late, also if its node stalls meanwhile.
const retention = storeTimeout + 3*lease

// parallel is how many tests run at a time: tests spend most of their time waiting for
// leases to expire.
const parallel = 6

func TestMain(m *testing.M) {
	for variable, process := range map[string]func(config string) error{nodeEnv: nodeMain, bulkEnv: bulkMain} {
		config := os.Getenv(variable)
		if config == "" {
			continue
		}
		if err := process(config); err != nil {
			fmt.Fprintln(os.Stderr, "node:", err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(parallel)); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// nodeConfig configures a node.
type nodeConfig struct {
	Node   string // the node's name, which no other process ever has
	Store  storeConfig
	Ledger string // the socket
}

// nodeMain runs a node until standard input ends, which it also does when the test's
// process is gone.
func nodeMain(config string) error {
	var c nodeConfig
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	store, err := c.Store.open(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil // the node was stopped before its store was open
		}
		return err
	}
	return errors.Join(runNode(ctx, store, c.Node, c.Ledger, os.Stderr), store.Close())
}

// node is a Runner that also sends events, as an application does.
type node struct {
	name   string
	ledger *rpc.Client
	news   *reporter
	runner *automation.Runner
}

// senders is how many events a node sends at once.
const senders = 4

// runNode runs a node on a store until ctx ends.
func runNode(ctx context.Context, store automation.Store, name, socket string, log io.Writer) error {
	client, err := rpc.Dial("unix", socket)
	if err != nil {
		return err
	}
	defer client.Close()
	n := &node{name: name, ledger: client, news: newReporter(name, client)}
	kept, err := watched(store, n, socket)
	if err != nil {
		return err
	}
	n.runner, err = automation.New(kept, n, automation.Options{
		Lease: lease, PollInterval: 100 * time.Millisecond, Concurrency: 16,
		StoreTimeout: storeTimeout, ShutdownTimeout: 5 * time.Second,
		Retry:     automation.RetryPolicy{MaxAttempts: 1000, Initial: 20 * time.Millisecond, Max: 200 * time.Millisecond},
		Retention: time.Hour, Logger: slog.New(slog.NewTextHandler(log, nil)).With("node", name), Observer: n.news,
	})
	if err != nil {
		return err
	}
	var helpers sync.WaitGroup
	for range senders {
		helpers.Go(func() { n.send(ctx) })
	}
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		n.news.report()
	}()
	err = n.runner.Run(ctx)
	helpers.Wait()
	n.news.close()
	<-reported
	if ctx.Err() != nil {
		err = nil
	}
	return err
}

// call calls the ledger, and returns early if ctx ends.
func (n *node) call(ctx context.Context, method string, args, reply any) error {
	call := n.ledger.Go("Ledger."+method, args, reply, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
		return call.Error
	case <-ctx.Done():
		return ctx.Err()
	}
}

// send sends the events that the ledger gives to the node, and removes contacts. What fails goes
// back to the ledger. An event is sent again with the same key.
func (n *node) send(ctx context.Context) {
	for {
		e := new(Event) // not shared: a reply may arrive after ctx has ended
		if n.call(ctx, "Next", NodeArgs{n.name}, e) != nil {
			return
		}
		done := SentArgs{Node: n.name, SendKey: e.SendKey}
		err := n.do(ctx, e, &done)
		if n.call(context.WithoutCancel(ctx), "Sent", done, nil) != nil {
			return
		}
		if err != nil {
			select {
			case <-ctx.Done():
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
}

// do sends an event, or removes a contact. It sets the ID of done after a success.
func (n *node) do(ctx context.Context, e *Event, done *SentArgs) error {
	if e.Removal != "" {
		return n.remove(ctx, e, done)
	}
	receipts, err := n.runner.Send(ctx, e.event())
	if err != nil {
		return err
	}
	done.ID = receipts[0].ID
	n.meddle(ctx, e)
	return nil
}

// SendEmail sends an email to the ledger.
func (n *node) SendEmail(ctx context.Context, e automation.Email) (string, error) {
	args := EmailArgs{
		Node: n.name, Key: e.IdempotencyKey, To: automation.EmailKey(e.To), Template: e.TemplateID, Contact: e.Contact.ID, Run: e.RunID,
		Variables: map[string]string{}, Once: e.TemplateID == "receipt",
	}
	for name, v := range e.Variables {
		args.Variables[name] = fmt.Sprint(v)
	}
	var reply EmailReply
	if err := n.call(ctx, "Email", args, &reply); err != nil {
		return "", errors.Join(err, automation.ErrOutcomeUnknown)
	}
	switch reply.Outcome {
	case refused:
		return "", errors.New("the mailer refuses")
	case limited:
		return "", &automation.RateLimitError{After: 30 * time.Millisecond}
	case rejected:
		return "", automation.Permanent(errors.New("the mailer rejects this email"))
	case lost:
		return "", fmt.Errorf("the answer is lost: %w", automation.ErrOutcomeUnknown)
	default:
		return reply.ID, nil
	}
}

// reporter reports the node's commits to the ledger, in order and without delaying the
// node.
type reporter struct {
	node   string
	ledger *rpc.Client

	mu      sync.Mutex
	changed *sync.Cond
	news    NoticeArgs
	closed  bool
}

func newReporter(node string, ledger *rpc.Client) *reporter {
	r := &reporter{node: node, ledger: ledger}
	r.changed = sync.NewCond(&r.mu)
	return r
}

// Observe queues the notices that can occur only once.
func (r *reporter) Observe(n automation.Notice) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch n := n.(type) {
	case *automation.EventHandled:
		r.once("the handling of event " + n.Event.ID)
		r.news.Handled = append(r.news.Handled, n.Event.ID)
	case *automation.RunStarted:
		r.once("the start of run " + n.Run.ID)
	case *automation.RunEnded:
		// A run that failed may end anew, in another way.
		r.once(fmt.Sprintf("the end of run %s as %s", n.Run.ID, n.Run.Status))
	case *automation.StepChanged:
		if !n.Step.CompletedAt.IsZero() {
			r.once(fmt.Sprintf("the end of step %s of run %s as %s", n.Step.Key, n.Run.ID, n.Step.Status))
		}
	}
}

func (r *reporter) once(thing string) {
	r.news.Things = append(r.news.Things, thing)
	r.changed.Signal()
}

// refused queues a report that a transition of a contact was refused.
func (r *reporter) refused(contact string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.news.Refused = append(r.news.Refused, contact)
	r.changed.Signal()
}

// close makes report return after it has reported everything.
func (r *reporter) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.changed.Signal()
}

// report reports until the reporter is closed.
func (r *reporter) report() {
	for {
		news, last := r.collect()
		if err := r.ledger.Call("Ledger.Notice", news, nil); err != nil || last {
			return
		}
	}
}

// collect waits for news, or until the reporter is closed, and returns the news.
func (r *reporter) collect() (news NoticeArgs, last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.news.Things) == 0 && len(r.news.Refused) == 0 && !r.closed {
		r.changed.Wait()
	}
	news, r.news = r.news, NoticeArgs{}
	news.Node = r.node
	return news, r.closed
}
