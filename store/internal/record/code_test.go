package record_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

func TestCodes_RoundTrip(t *testing.T) {
	t.Parallel()
	for _, s := range []automation.RunStatus{automation.RunRunning, automation.RunCompleted, automation.RunFailed, automation.RunCancelled} {
		assert.Equal(t, s, record.StatusOf(record.StatusCode(s)))
	}
	for _, c := range []automation.RunRequest{automation.RequestNone, automation.RequestCancel, automation.RequestRetry} {
		assert.Equal(t, c, record.RequestOf(record.RequestCode(c)))
	}
	assert.Equal(t, int16(2), record.StatusCode(automation.RunFailed))
	assert.Equal(t, int16(2), record.RequestCode(automation.RequestRetry))
	assert.Equal(t, int16(-1), record.StatusCode("new"))
	assert.Equal(t, automation.RunStatus("unknown status 9"), record.StatusOf(9))
	assert.Equal(t, automation.RunRequest("unknown request -1"), record.RequestOf(-1))
}
