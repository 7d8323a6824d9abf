package uuid_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/internal/uuid"
)

const aUUID = "0195a3c0-7d00-7abc-8def-00000000000f"

func TestParse_ReadsTheCanonicalFormOnly(t *testing.T) {
	t.Parallel()
	b, ok := uuid.Parse(aUUID)
	require.True(t, ok)
	assert.Equal(t, aUUID, uuid.Format(b))
	for _, id := range []string{"", "x", strings.ToUpper(aUUID), strings.ReplaceAll(aUUID, "-", ""), aUUID[:35], aUUID + "0", "{" + aUUID[1:], strings.Replace(aUUID, "a", "g", 1), strings.Replace(aUUID, "-", "0", 1)} {
		_, ok := uuid.Parse(id)
		assert.False(t, ok, id)
	}
}
