package record_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

func TestEncodeNames(t *testing.T) {
	t.Parallel()
	for text, names := range map[string][]string{
		"": nil, `["a"]`: {"a"}, `["a","b"]`: {"a", "b"}, `["a,b","c"]`: {"a,b", "c"}, `["\"<&>\" é 日","\\"]`: {`"<&>" é 日`, `\`},
	} {
		assert.Equal(t, text, record.EncodeNames(names))
		decoded, err := record.DecodeNames(text)
		require.NoError(t, err)
		assert.Equal(t, names, decoded)
	}
	assert.Empty(t, record.EncodeNames([]string{}))
	_, err := record.DecodeNames("no JSON")
	assert.Error(t, err)
}

func TestHasAny(t *testing.T) {
	t.Parallel()
	events := []automation.PendingEvent{{Event: automation.Event{Name: "a"}}, {Event: automation.Event{Name: "b"}}}
	assert.True(t, record.HasAny(events, []string{"b", "c"}))
	assert.False(t, record.HasAny(events, []string{"c", "d"}))
	assert.False(t, record.HasAny(events, nil))
	assert.False(t, record.HasAny(nil, []string{"a"}))
}
