//go:build unix

package soak

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/rpc"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// ledger is the memory of a test, in the test's own process, so that it outlives the nodes.
// It chooses the next event to send or contact to remove, and records the events that the store
// accepted, the contacts that are gone, the emails that arrived, and what the nodes report.
type ledger struct {
	mu       sync.Mutex
	changed  *sync.Cond
	random   *rand.Rand
	budget   int             // how many new events may still be given to nodes
	requests int             // how many calls the nodes made
	present  map[string]bool // nodes that made a call
	gone     map[string]bool // nodes that are dead
	scripts  []*script
	waiting  []int            // persons whose next event may be sent
	open     map[string]*sent // by key: given to a node, not acknowledged
	events   map[string]*sent // by the event's id: acknowledged
	emails   map[string]*delivery
	notices  map[string]int      // how often each thing was committed
	handled  map[string][]string // ids of the events that each node handled, in order
	refused  []string            // contacts of transitions whose lease was lost
	failures int                 // how many sends failed
	left     map[string]*sent    // removals, by the id of the contact that is gone
	rejected map[string]int      // how often the mailer rejected each email
	retries  map[string]*retry   // by run
	archive  archive
	hold     func(EmailArgs)
	calm     bool // the mailer never fails, and no contact is removed
	problems []error
}

// retry is what is known of the retries of a run.
type retry struct {
	began    time.Time // when a node was about to retry the run first
	accepted bool
}

// archive is what nodes found right before they pruned the store: all that may be pruned.
type archive struct {
	runs   map[string]automation.Run
	events map[string]time.Time // when they were accepted
	since  map[string]time.Time // when a node found each event first
}

// sent is an event that the ledger gave to a node.
type sent struct {
	Event
	eventID string
	holder  string    // the node that sends the event, or empty
	acked   time.Time // when a node confirmed that the event is accepted, or the contact removed
}

// delivery is the email that arrived under one idempotency key, and how often.
type delivery struct {
	EmailArgs
	times int
}

// newLedger returns a ledger for persons with these contact ids. A person with an empty id
// becomes a contact by an event.
func newLedger(seed uint64, ids []string) *ledger {
	l := &ledger{
		random: rand.New(rand.NewPCG(seed, 1)), present: map[string]bool{}, gone: map[string]bool{}, open: map[string]*sent{},
		events: map[string]*sent{}, emails: map[string]*delivery{}, notices: map[string]int{},
		handled: map[string][]string{}, left: map[string]*sent{}, rejected: map[string]int{}, retries: map[string]*retry{},
		archive: archive{map[string]automation.Run{}, map[string]time.Time{}, map[string]time.Time{}},
	}
	l.changed = sync.NewCond(&l.mu)
	for i, id := range ids {
		l.scripts = append(l.scripts, &script{random: rand.New(rand.NewPCG(seed, uint64(i)+2)), person: i, id: id})
		l.waiting = append(l.waiting, i)
	}
	return l
}

// listen serves the ledger on a socket until the test ends.
func (l *ledger) listen(t *testing.T) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "ledger")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	server := rpc.NewServer()
	require.NoError(t, server.RegisterName("Ledger", &LedgerService{l}))
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
			go server.ServeConn(conn)
		}
	}()
	return socket
}

// grant allows n more events to be sent.
func (l *ledger) grant(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.budget += n
	l.changed.Broadcast()
}

// bury records that a node is dead, so that its open events go to another node.
func (l *ledger) bury(node string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone[node] = true
	for _, e := range l.open {
		if e.holder == node {
			e.holder = ""
		}
	}
	l.changed.Broadcast()
}

// await waits until the condition holds, and reports whether it held in time. The condition
// is called with the lock held.
func (l *ledger) await(timeout time.Duration, condition func() bool) bool {
	late := false
	timer := time.AfterFunc(timeout, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		late = true
		l.changed.Broadcast()
	})
	defer timer.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for !condition() && !late {
		l.changed.Wait()
	}
	return condition()
}

// activity waits until the nodes have made n more calls, for two seconds at most, because
// the nodes may have no work left.
func (l *ledger) activity(n int) {
	l.mu.Lock()
	target := l.requests + n
	l.mu.Unlock()
	l.await(2*time.Second, func() bool { return l.requests >= target })
}

// allSent waits until every event that may be sent is acknowledged.
func (l *ledger) allSent(timeout time.Duration) bool {
	return l.await(timeout, func() bool { return l.budget == 0 && len(l.open) == 0 })
}

// LedgerService is the interface of the ledger for nodes, through net/rpc.
type LedgerService struct{ l *ledger }

// NodeArgs names the node that calls.
type NodeArgs struct{ Node string }

// Next returns the next event to send, and waits until there is one. An event whose sender
// is dead or failed comes first, because it is unknown whether the store accepted it.
func (s *LedgerService) Next(args NodeArgs, reply *Event) error {
	l := s.l
	l.mu.Lock()
	defer l.mu.Unlock()
	l.present[args.Node] = true
	l.changed.Broadcast()
	for !l.gone[args.Node] {
		if e := l.pick(); e != nil {
			e.holder = args.Node
			*reply = e.Event
			return nil
		}
		l.changed.Wait()
	}
	return errors.New("the node is dead")
}

func (l *ledger) pick() *sent {
	for _, e := range l.open {
		if e.holder == "" {
			return e
		}
	}
	if l.budget == 0 || len(l.waiting) == 0 {
		return nil
	}
	l.budget--
	i := l.random.IntN(len(l.waiting))
	person := l.waiting[i]
	l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
	e := &sent{Event: l.scripts[person].next(!l.calm)}
	l.open[e.SendKey] = e
	return e
}

// SentArgs is the outcome of sending an event.
type SentArgs struct {
	Node, SendKey string
	ID            string // of the event, or of the contact that is removed; empty after a failure
}

// Sent records that an event was accepted, or that sending failed, after which the event
// may be accepted all the same.
func (s *LedgerService) Sent(args SentArgs, _ *struct{}) error {
	l := s.l
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.changed.Broadcast()
	l.requests++
	e := l.open[args.SendKey]
	switch {
	case l.gone[args.Node]: // the call arrived after the death of the node
	case e == nil || e.holder != args.Node:
		l.problem("node %s sent %s, which was not given to it", args.Node, args.SendKey)
	case args.ID == "":
		e.holder = ""
		if e.Removal == "" {
			l.failures++
		}
	default:
		e.acked = time.Now()
		delete(l.open, args.SendKey)
		l.waiting = append(l.waiting, e.Person)
		if e.Removal != "" {
			l.left[args.ID] = e
			return nil
		}
		if l.events[args.ID] != nil {
			l.problem("events %s and %s have the same id", args.SendKey, l.events[args.ID].SendKey)
		}
		e.eventID = args.ID
		l.events[args.ID] = e
	}
	return nil
}

// Leaves records which contact a node is about to remove. If the node dies, another one has to
// remove the same contact, which may be gone by then.
func (s *LedgerService) Leaves(args SentArgs, _ *struct{}) error {
	l := s.l
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.open[args.SendKey]; e != nil && e.holder == args.Node {
		e.ID = args.ID
	}
	return nil
}

// RetryArgs is about the retry of a run.
type RetryArgs struct {
	Run      string
	Accepted bool // RetryRun has returned
}

// Retry records that a node is about to retry a run, or that the store has accepted that. The
// mailer does not reject the emails of the run any more.
func (s *LedgerService) Retry(args RetryArgs, _ *struct{}) error {
	l := s.l
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.retries[args.Run] == nil {
		l.retries[args.Run] = &retry{began: time.Now()}
	}
	l.retries[args.Run].accepted = l.retries[args.Run].accepted || args.Accepted
	return nil
}

// ArchiveArgs is what a node found before it pruned.
type ArchiveArgs struct {
	Runs   []automation.Run
	Events map[string]time.Time
}

// Archive keeps what may be pruned. A run that failed, and was retried, may come again.
func (s *LedgerService) Archive(args ArchiveArgs, _ *struct{}) error {
	l := s.l
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, run := range args.Runs {
		if l.archive.runs[run.ID].CompletedAt.Before(run.CompletedAt) {
			l.archive.runs[run.ID] = run
		}
	}
	for id, accepted := range args.Events {
		if l.archive.since[id].IsZero() {
			l.archive.events[id], l.archive.since[id] = accepted, time.Now()
		}
	}
	return nil
}

// EmailArgs is an email.
type EmailArgs struct {
	Node, Key, To, Template string
	Contact, Run            string // ids
	Variables               map[string]string
	Once                    bool // the email must not arrive twice
}

// EmailReply is the mailer's reply to an email.
type EmailReply struct {
	ID      string
	Outcome string // "" for success, else refused, limited, lost or rejected
}

// The failures of the mailer. An email whose answer is lost has arrived. One that is rejected
// is rejected again until its run is retried.
const (
	refused  = "refused"
	limited  = "limited"
	lost     = "lost"
	rejected = "rejected"
)

// Email delivers an email to the mailer, which is slow at times and fails now and then.
func (s *LedgerService) Email(args EmailArgs, reply *EmailReply) error {
	l := s.l
	l.mu.Lock()
	outcome, latency := l.weather()
	l.requests++
	switch {
	case l.rejects(args):
		outcome = rejected
		l.rejected[args.Key]++
	case outcome == "" || outcome == lost:
		l.accept(args)
	}
	hold := l.hold
	l.changed.Broadcast()
	l.mu.Unlock()
	if hold != nil {
		hold(args)
	}
	<-time.After(latency)
	*reply = EmailReply{ID: "id-" + args.Key, Outcome: outcome}
	return nil
}

func (l *ledger) weather() (outcome string, latency time.Duration) {
	if l.calm {
		return "", 0
	}
	latency = time.Duration(l.random.IntN(20)) * time.Millisecond
	return []string{refused, limited, lost, ""}[min(l.random.IntN(25), 3)], latency
}

// rejects reports whether the mailer rejects the email: every third bill, until its run is
// retried.
func (l *ledger) rejects(args EmailArgs) bool {
	if l.calm || args.Template != billTemplate || l.retries[args.Run] != nil {
		return false
	}
	var n int
	_, err := fmt.Sscan(args.Variables["n"], &n)
	return err == nil && n%3 == 0
}

// accept records an email. Every email with the same key must have the same content, except
// for the letter case of the address and the contact's properties, which may change between
// two attempts.
func (l *ledger) accept(args EmailArgs) {
	d := l.emails[args.Key]
	if d == nil {
		d = &delivery{EmailArgs: args}
		l.emails[args.Key] = d
	}
	d.times++
	if d.To != args.To || d.Template != args.Template || d.Variables["n"] != args.Variables["n"] || d.Variables["cause"] != args.Variables["cause"] {
		l.problem("email %s arrived as %v and as %v", args.Key, d.EmailArgs, args)
	}
	if args.Once && d.times > 1 {
		l.problem("email %s must not arrive twice", args.Key)
	}
}

// NoticeArgs lists what a node committed. Each thing can be committed only once.
type NoticeArgs struct {
	Node    string
	Things  []string
	Handled []string // ids of events, in order
	Refused []string // contacts of transitions that were refused, because the lease was lost
}

// Notice records what a node committed.
func (s *LedgerService) Notice(args NoticeArgs, _ *struct{}) error {
	l := s.l
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.changed.Broadcast()
	l.requests++
	l.refused = append(l.refused, args.Refused...)
	l.handled[args.Node] = append(l.handled[args.Node], args.Handled...)
	for _, thing := range args.Things {
		if l.notices[thing]++; l.notices[thing] == 2 {
			l.problem("%s is committed twice", thing)
		}
	}
	return nil
}

func (l *ledger) problem(format string, args ...any) {
	l.problems = append(l.problems, fmt.Errorf(format, args...))
}
