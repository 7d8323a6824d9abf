package automation

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestData_KnowsWhichEventsAReferenceCanMean(t *testing.T) {
	t.Parallel()
	received := map[string]map[string]any{"order.paid": nil}
	assert.Empty(t, (*Data)(nil).eventsWaitedFor())
	assert.Equal(t, []string{"order.paid"}, (&Data{WaitEvents: received}).eventsWaitedFor())
	assert.Equal(t, []string{"signup"}, (&Data{WaitEvents: received, waitNames: []string{"signup"}}).eventsWaitedFor())
}
