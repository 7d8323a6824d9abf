package uuid_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation/internal/uuid"
)

func TestTwin_IsItsTwinsTwin(t *testing.T) {
	t.Parallel()
	const event, run = "019cadc6-9afb-7b90-80ca-22c40ed127e9", "019cadc6-9afb-7b90-80ca-22c40ed127e8"
	assert.Equal(t, run, uuid.Twin(event))
	assert.Equal(t, event, uuid.Twin(run))
	assert.Empty(t, uuid.Twin("event-1"))
	assert.Empty(t, uuid.Twin(""))
	assert.True(t, uuid.AreTwins(event, run))
	assert.False(t, uuid.AreTwins(event, event))
	assert.False(t, uuid.AreTwins(event, "run-1"))
	assert.False(t, uuid.AreTwins("", ""))
	assert.False(t, uuid.AreTwins("00000000-0000-0000-0000-000000000001", "event-1"))
}
