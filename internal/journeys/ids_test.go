package journeys_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/uuid"
	"github.com/seed-b636437c/automation/internal/world"
)

// Stores rely on it: the id of the first run that an event starts is the twin of the event's id.
// Those of further runs are not.
func TestRunIDs_TheFirstOfAnEventIsItsTwin(t *testing.T) {
	onEach(t, automation.Options{}, func(p *play) {
		for _, id := range []string{"one", "two", "three"} {
			p.Create(world.Flow(id, "signup", world.Wait("wait", "order.paid")))
		}
		ids := p.Send(world.ForAda("signup", nil), world.ForAda("signup", nil))
		p.Drain()
		for _, id := range ids {
			e, err := p.GetEvent(p.Ctx, id)
			require.NoError(p.T, err)
			require.Len(p.T, e.Started, 3)
			twins := slices.DeleteFunc(slices.Clone(e.Started), func(run string) bool { return run != uuid.Twin(id) })
			assert.Len(p.T, twins, 1)
			first, err := p.GetRun(p.Ctx, uuid.Twin(id))
			require.NoError(p.T, err)
			assert.Equal(p.T, id, first.EventID)
		}
	})
}
