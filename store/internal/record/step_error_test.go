package record_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

func TestDecodeError_ShowsADamagedColumn(t *testing.T) {
	t.Parallel()
	e := &automation.StepError{Code: "c", Message: "m \x00 <é>"}
	assert.Equal(t, e, record.DecodeError(record.EncodeError(e)))
	assert.Nil(t, record.DecodeError(record.EncodeError(nil)))
	assert.Equal(t, &automation.StepError{Code: automation.FailedDamaged, Message: "{"}, record.DecodeError("{"))
}
