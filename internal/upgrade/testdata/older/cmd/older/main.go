// Command older is an application on an older release of the library. The tests of package
// upgrade build it with the source of that release, so it uses only what that release has.
//
// It opens a store, does all work on it, and takes commands from standard input, one a line.
// It prints a line for each answer, and for what its Runner does.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/postgres"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

func main() {
	err := run(context.Background(), os.Args[1], os.Args[2])
	switch {
	case errors.Is(err, automation.ErrSchema):
		fmt.Printf("refused %q\n", err.Error())
		os.Exit(1)
	case err != nil:
		fmt.Printf("ended %q\n", err.Error())
		os.Exit(1)
	}
}

// run works until standard input ends.
func run(ctx context.Context, kind, address string) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	store, err := open(ctx, kind, address)
	if err != nil {
		return err
	}
	defer store.Close()
	p := &process{clock: &movedClock{}, gate: make(chan struct{})}
	close(p.gate)
	p.runner, err = automation.New(reporting{store}, p, automation.Options{Clock: p.clock, Observer: p, EffectTimeout: time.Hour})
	if err != nil {
		return err
	}
	worked := make(chan error, 1)
	go func() { worked <- p.runner.Run(ctx) }()
	for commands := bufio.NewScanner(os.Stdin); commands.Scan(); {
		if answer, err := p.obey(ctx, commands.Text()); err != nil {
			fmt.Printf("answer failed: %q\n", err.Error())
		} else {
			fmt.Println("answer", answer)
		}
	}
	stop()
	if err := <-worked; !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

type closingStore interface {
	automation.Store
	io.Closer
}

// open opens a store as applications do when they start: it also migrates its tables.
func open(ctx context.Context, kind, address string) (closingStore, error) {
	if kind == "sqlite" {
		return sqlitefile.Open(ctx, address)
	}
	pool, err := pgxpool.New(ctx, address)
	if err != nil {
		return nil, err
	}
	store, err := postgres.New(pool, postgres.Options{})
	if err != nil {
		return nil, err
	}
	return store, store.Migrate(ctx)
}

// process is the application: its mailer prints emails, and holds them while its gate is closed.
type process struct {
	clock  *movedClock
	runner *automation.Runner

	mu   sync.Mutex
	gate chan struct{}
}

// obey follows a command, and returns the answer.
func (p *process) obey(ctx context.Context, command string) (answer string, err error) {
	verb, rest, _ := strings.Cut(command, " ")
	switch verb {
	case "apply":
		a, err := automation.Parse([]byte(rest), nil)
		if err != nil {
			return "", err
		}
		a.ID = a.Name
		_, err = p.runner.Apply(ctx, a)
		return "ok", err
	case "send":
		name, email, _ := strings.Cut(rest, " ")
		_, err := p.runner.Send(ctx, automation.Event{Name: name, Email: email})
		return "ok", err
	case "pass":
		d, err := time.ParseDuration(rest)
		p.clock.add(d)
		return "ok", err
	case "hold":
		p.mu.Lock()
		defer p.mu.Unlock()
		p.gate = make(chan struct{})
		return "ok", nil
	case "release":
		p.mu.Lock()
		defer p.mu.Unlock()
		close(p.gate)
		return "ok", nil
	case "health":
		h, err := p.runner.Health(ctx)
		return fmt.Sprint("ready ", h.Ready()), err
	default:
		return "", fmt.Errorf("there is no command %q", verb)
	}
}

// SendEmail implements automation.Mailer.
func (p *process) SendEmail(ctx context.Context, e automation.Email) (string, error) {
	fmt.Println("email", e.TemplateID, e.To, e.IdempotencyKey)
	p.mu.Lock()
	gate := p.gate
	p.mu.Unlock()
	select {
	case <-gate:
		return e.IdempotencyKey, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// Observe implements automation.Observer. It prints the steps that runs reach and end.
func (p *process) Observe(n automation.Notice) {
	if step, ok := n.(*automation.StepChanged); ok {
		fmt.Println("step", step.Step.Key)
	}
}

// reporting prints what comes of each claim and commit.
type reporting struct{ automation.Store }

func (s reporting) Unwrap() automation.Store { return s.Store }

func (s reporting) Claim(ctx context.Context, p automation.ClaimParams) ([]automation.Work, error) {
	works, err := s.Store.Claim(ctx, p)
	report("claim", err)
	return works, err
}

func (s reporting) Commit(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error) {
	results, err := s.Store.Commit(ctx, ts)
	for _, res := range results {
		err = errors.Join(err, res.Err)
	}
	report("commit", err)
	return results, err
}

func report(call string, err error) {
	if err != nil {
		fmt.Printf("%s failed: %q\n", call, err.Error())
		return
	}
	fmt.Println(call, "ok")
}

// movedClock is the system's clock, moved forward by commands. Its timers are short, so that the
// Runner never waits long before it tries again.
type movedClock struct {
	mu      sync.Mutex
	forward time.Duration
}

func (c *movedClock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forward += d
}

func (c *movedClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.forward)
}

func (c *movedClock) After(d time.Duration) <-chan time.Time {
	return time.After(min(d, 20*time.Millisecond))
}
