package relay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/relay"
	"github.com/seed-b636437c/automation/store/memory"
)

// looks remembers what was passed on.
type looks struct {
	mu   sync.Mutex
	refs []string
	err  error
}

func (l *looks) look(_ context.Context, refs []automation.ContactRef) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	for _, ref := range refs {
		l.refs = append(l.refs, ref.String())
	}
	return nil
}

func (l *looks) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// have waits until exactly these were passed on.
func (l *looks) have(t *testing.T, want ...string) {
	t.Helper()
	require.Eventually(t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return slices.Equal(l.refs, want)
	}, 5*time.Second, time.Millisecond, "%v", want)
}

func send(t *testing.T, s automation.EventWriter, email string) {
	t.Helper()
	_, err := automation.Send(t.Context(), s, automation.Event{Name: "ping", Email: email})
	require.NoError(t, err)
}

// begin runs the relay until the test ends.
func begin(t *testing.T, catalog automation.Catalog, opts relay.Options) *looks {
	l := &looks{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- relay.Run(ctx, catalog, opts, l.look) }()
	t.Cleanup(func() {
		cancel()
		assert.ErrorIs(t, <-done, context.Canceled)
	})
	return l
}

// never is a poll that does not come during a test.
const never = time.Hour

func TestRun_PassesEachEventOnOnce(t *testing.T) {
	t.Parallel()
	s := memory.New()
	send(t, s, "ada@example.com")
	l := begin(t, s, relay.Options{PollInterval: never, Batch: 1})
	l.have(t, "ada@example.com")
	send(t, s, "bob@example.com")
	l.have(t, "ada@example.com", "bob@example.com")
	send(t, s, "ada@example.com")
	l.have(t, "ada@example.com", "bob@example.com", "ada@example.com")
}

func TestRun_PassesOnAgainWhatIsPendingForLong(t *testing.T) {
	t.Parallel()
	s := memory.New()
	send(t, s, "ada@example.com")
	l := begin(t, s, relay.Options{PollInterval: time.Millisecond, Again: 20 * time.Millisecond})
	l.have(t, "ada@example.com", "ada@example.com", "ada@example.com")
}

func TestRun_GoesOnAfterErrors(t *testing.T) {
	t.Parallel()
	s := memory.New()
	l := begin(t, s, relay.Options{PollInterval: time.Millisecond})
	l.fail(errors.New("the engine does not answer"))
	send(t, s, "ada@example.com")
	l.have(t)
	l.fail(nil)
	l.have(t, "ada@example.com")
}

// unwatched is a catalog that cannot signal new events.
type unwatched struct{ *memory.Store }

func (unwatched) Watch(context.Context, func()) error { return errors.ErrUnsupported }

func TestRun_PollsACatalogThatCannotBeWatched(t *testing.T) {
	t.Parallel()
	s := unwatched{memory.New()}
	l := begin(t, s, relay.Options{PollInterval: time.Millisecond})
	send(t, s, "ada@example.com")
	l.have(t, "ada@example.com")
}

func TestRun_EndsWithItsCatalog(t *testing.T) {
	t.Parallel()
	s := memory.New()
	require.NoError(t, s.Close())
	require.ErrorIs(t, relay.Run(t.Context(), s, relay.Options{}, (&looks{}).look), automation.ErrClosed)
}

func TestAll_PassesOnEachContactOnceInBatches(t *testing.T) {
	t.Parallel()
	s, l := memory.New(), &looks{}
	var want []string
	for i := range 5 {
		want = append(want, fmt.Sprintf("%d@example.com", i))
		send(t, s, want[i])
	}
	var progress []int
	require.NoError(t, relay.All(t.Context(), s, 2, l.look, func(n int) { progress = append(progress, n) }))
	slices.Sort(l.refs)
	assert.Equal(t, want, l.refs)
	assert.Equal(t, []int{2, 4, 5}, progress)
	down := errors.New("down")
	l.fail(down)
	require.ErrorIs(t, relay.All(t.Context(), s, 2, l.look, func(int) {}), down)
}
