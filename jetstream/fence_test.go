package jetstream

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/jetstream/embedded"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// testWorker returns a worker that does not run, on a server of its own.
func testWorker(t *testing.T) *Worker {
	t.Helper()
	server, err := embedded.Start(embedded.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(server.Close)
	nc, err := server.Connect()
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	store, err := New(t.Context(), nc, memory.New(), Options{SyncedByHost: true, Partitions: 1})
	require.NoError(t, err)
	runner, err := automation.New(store, capture.New(), automation.Options{})
	require.NoError(t, err)
	w := NewWorker(store, runner, WorkerOptions{ID: "first"})
	w.stopped = make(chan struct{})
	return w
}

// owned returns a partition that was taken over.
func owned(t *testing.T, w *Worker) *partition {
	t.Helper()
	p := newPartition(w, 0)
	p.fail = func(error) {}
	var err error
	p.state, err = p.js.Stream(t.Context(), p.names.state(0))
	require.NoError(t, err)
	require.NoError(t, p.takeOver(t.Context()))
	return p
}

func TestPartition_OfAnEarlierOwnerWritesNothing(t *testing.T) {
	w := testWorker(t)
	first := owned(t, w)
	second := owned(t, w) // the same worker again, in another epoch
	require.Equal(t, first.cp.Epoch+1, second.cp.Epoch)
	todo := func() []*work {
		return []*work{{contact: &contact{token: "ctYWRh", state: contactState{Key: encodedRef{ID: "ada"}}}, dirty: true}}
	}
	require.ErrorIs(t, first.commit(t.Context(), first.cp, todo()), errNotOwner)
	written := func() bool {
		states, err := second.readStates(t.Context(), []string{w.names.contact(0, "ctYWRh")})
		require.NoError(t, err)
		return len(states) > 0
	}
	require.False(t, written(), "nothing of the batch was written")
	require.NoError(t, second.commit(t.Context(), second.cp, todo()))
	require.True(t, written())
	_, err := first.readStates(t.Context(), []string{w.names.contact(0, "ctYWRh")})
	require.ErrorIs(t, err, errNotOwner)
}

func TestNew_RefusesStreamsThatItCannotUse(t *testing.T) {
	w := testWorker(t)
	_, err := New(t.Context(), w.nc, w.catalog, Options{SyncedByHost: true, Partitions: 2})
	require.ErrorIs(t, err, ErrStreams)
	require.ErrorContains(t, err, "have 1 partitions, and Options.Partitions is 2: it cannot change")
	other := memory.New()
	s, err := New(t.Context(), w.nc, other, Options{SyncedByHost: true, Partitions: 1, Name: "other"})
	require.NoError(t, err)
	_, err = New(t.Context(), s.nc, w.catalog, Options{SyncedByHost: true, Partitions: 1, Name: "third"})
	require.ErrorIs(t, err, automation.ErrCatalog)
	require.ErrorContains(t, err, `the store is the catalog of an engine "jetstream/automation"`)
	require.ErrorIs(t, (&Store{config: s.config, names: s.names, projector: s.projector, id: 1}).claimCatalog(t.Context()), ErrStreams)
	owned(t, w)
	_, err = New(t.Context(), w.nc, memory.New(), Options{SyncedByHost: true, Partitions: 1})
	require.ErrorContains(t, err, `the streams named "automation" belong to another catalog`)
	require.ErrorIs(t, s.adopt(map[string]string{metaFormat: "4"}), ErrStreams)
	_, err = New(t.Context(), w.nc, other, Options{Name: "a b", Partitions: -1, Replicas: 2})
	require.ErrorIs(t, err, automation.ErrInvalid)
}

// A server that has just become the leader may not have the bucket that an earlier one has promised.
func TestWorker_MakesTheBucketThatItsServersHaveLost(t *testing.T) {
	w := testWorker(t)
	require.NoError(t, w.js.DeleteKeyValue(t.Context(), w.names.workers()))
	_, err := w.bucket(t.Context())
	require.NoError(t, err)
}
