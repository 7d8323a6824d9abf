package jetstream

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// The state of a contact with many runs goes on in further messages, and all of them go when the
// runs have ended.
func TestState_OfManyRunsHasParts(t *testing.T) {
	w := testWorker(t)
	p := owned(t, w)
	p.partSize = 1000
	c := &contact{token: "ctYWRh", inFlight: map[string]*attempt{}, state: contactState{Key: encodedRef{ID: "ada"}}}
	write := func(runs int) {
		c.state.Runs = nil
		for i := range runs {
			r := storedRun{changed: true}
			r.ID, r.ContactID, r.Status, r.DueAt = fmt.Sprint("run", i), "ada", automation.RunRunning, time.Now().Add(time.Hour)
			c.state.Runs = append(c.state.Runs, r)
		}
		require.NoError(t, p.commit(t.Context(), p.cp, []*work{{contact: c, dirty: true}}))
	}
	subjects := func() map[string]uint64 {
		info, err := p.state.Info(t.Context(), jetstream.WithSubjectFilter(w.names.contact(0, ">")))
		require.NoError(t, err)
		return info.State.Subjects
	}
	for _, runs := range []int{40, 3, 20} {
		write(runs)
		next := owned(t, w)
		next.partSize = p.partSize
		read, err := next.load(t.Context(), []string{c.token})
		require.NoError(t, err)
		require.Len(t, read[0].state.Runs, runs)
		assert.Equal(t, c.parts, read[0].parts)
		assert.Equal(t, fmt.Sprint("run", runs-1), read[0].state.Runs[runs-1].ID)
		p, c = next, read[0]
	}
	require.Greater(t, len(subjects()), 1)
	c.state.Runs = nil
	require.NoError(t, p.commit(t.Context(), p.cp, []*work{{contact: c, dirty: true}}))
	p.copies.done = p.copies.added // the catalog has them
	require.NoError(t, p.removeEnded(t.Context()))
	require.Eventually(t, func() bool { return len(subjects()) == 0 }, 10*time.Second, 50*time.Millisecond)
}
