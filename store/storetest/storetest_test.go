package storetest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/store/storetest"
)

func checkNamed(t *testing.T, name string) storetest.Check {
	t.Helper()
	checks := storetest.Checks()
	i := slices.IndexFunc(checks, func(c storetest.Check) bool { return c.Name == name })
	require.GreaterOrEqual(t, i, 0, "no check is named %q", name)
	return checks[i]
}

func TestRun_PassesWithACorrectStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(testing.TB) storetest.Target { return storetest.Sole(memory.New()) })
}

func TestChecks_HaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range storetest.Checks() {
		assert.Regexp(t, `^[a-z ]+/[^/]+$`, c.Name)
		assert.False(t, seen[c.Name], "two checks are named %q", c.Name)
		seen[c.Name] = true
	}
}

func TestChecks_FindFaults(t *testing.T) {
	t.Parallel()
	for _, c := range slices.Concat(faults, entryFaults) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &faulty{Store: memory.New()}
			c.inject(s)
			err := checkNamed(t, c.caught).Run(t.Context(), storetest.Sole(s))
			require.Error(t, err)
			assert.NotErrorIs(t, err, storetest.ErrSkipped)
		})
	}
}

// handle is one of several handles on a store.
type handle struct {
	*memory.Store
	closed bool
}

func (h *handle) Close() error { h.closed = true; return nil }

func TestChecks_ReopenADurableStore(t *testing.T) {
	t.Parallel()
	s := memory.New()
	target := storetest.Target{Durable: true, Open: func(context.Context) (automation.Store, error) { return &handle{Store: s}, nil }}
	require.NoError(t, checkNamed(t, "closing/data survives closing all handles").Run(t.Context(), target))
}

func TestChecks_FindDataThatIsLostOnClosing(t *testing.T) {
	t.Parallel()
	var handles []*handle
	current := memory.New()
	target := storetest.Target{Durable: true, Open: func(context.Context) (automation.Store, error) {
		if slices.ContainsFunc(handles, func(h *handle) bool { return h.closed }) {
			handles, current = nil, memory.New()
		}
		handles = append(handles, &handle{Store: current})
		return handles[len(handles)-1], nil
	}}
	require.Error(t, checkNamed(t, "closing/data survives closing all handles").Run(t.Context(), target))
}

func TestChecks_FindHandlesThatShareNothing(t *testing.T) {
	t.Parallel()
	target := storetest.Target{Open: func(context.Context) (automation.Store, error) { return memory.New(), nil }}
	require.Error(t, checkNamed(t, "closing/handles see each other's work").Run(t.Context(), target))
}

func TestChecks_FindAnAddressThatIsLeft(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"commit/erasing a contact leaves no address behind", "commit/erasing an email leaves no address behind", "outputs/are dropped without a trace",
	} {
		target := storetest.Sole(memory.New())
		require.ErrorIs(t, checkNamed(t, name).Run(t.Context(), target), storetest.ErrSkipped, name)
		target = storetest.Sole(memory.New())
		target.Dump = func(context.Context) (string, error) { return "events: @ada@example.com\n", nil }
		require.ErrorContains(t, checkNamed(t, name).Run(t.Context(), target), "still contains", name)
	}
}

func TestChecks_SkipOptionalAbilities(t *testing.T) {
	t.Parallel()
	unclosable := struct{ automation.Store }{memory.New()}
	for _, name := range []string{
		"closing/every method of a closed store fails",
		"closing/data survives closing all handles",
	} {
		require.ErrorIs(t, checkNamed(t, name).Run(t.Context(), storetest.Sole(unclosable)), storetest.ErrSkipped, name)
	}
}

// A store that is no Projector passes the suite.
func TestChecks_SkipProjectionsOfOtherStores(t *testing.T) {
	t.Parallel()
	plain := struct{ automation.Store }{memory.New()}
	for _, c := range storetest.Checks() {
		if strings.HasPrefix(c.Name, "projections/") {
			require.ErrorIs(t, c.Run(t.Context(), storetest.Sole(plain)), storetest.ErrSkipped, c.Name)
		}
	}
}

func TestChecks_ReportAStoreThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	target := storetest.Target{Open: func(context.Context) (automation.Store, error) { return nil, down }}
	for _, c := range storetest.Checks() {
		require.ErrorIs(t, c.Run(t.Context(), target), down, c.Name)
	}
}

// hanging is a store whose Claim does not return before its context ends.
type hanging struct {
	*memory.Store
	called func()
}

func (s *hanging) Claim(ctx context.Context, _ automation.ClaimParams) ([]automation.Work, error) {
	s.called()
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestChecks_EndWithTheirContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := &hanging{Store: memory.New(), called: cancel}
	require.ErrorIs(t, checkNamed(t, "claim/claimers at once never share a contact").Run(ctx, storetest.Sole(s)), context.Canceled)
}
