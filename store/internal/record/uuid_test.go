package record_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/store/internal/record"
)

func TestUUID_CanonicalFormOnly(t *testing.T) {
	t.Parallel()
	b, ok := record.UUID(aUUID)
	require.True(t, ok)
	assert.Equal(t, aUUID, record.UUIDText(b))
	for _, id := range []string{"", "x", strings.ToUpper(aUUID), strings.ReplaceAll(aUUID, "-", ""), aUUID[:35], aUUID + "0", "{" + aUUID[1:], strings.Replace(aUUID, "a", "g", 1), strings.Replace(aUUID, "-", "0", 1)} {
		_, ok := record.UUID(id)
		assert.False(t, ok, id)
	}
}
