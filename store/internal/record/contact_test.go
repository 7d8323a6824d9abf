package record_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/store/internal/record"
)

func TestProperties_KeepNumbersExactly(t *testing.T) {
	t.Parallel()
	in := map[string]any{"n": json.Number("9007199254740993"), "f": json.Number("0.10"), "big": json.Number("1E400"), "s": "<é>", "b": true}
	text, err := record.EncodeProperties(in)
	require.NoError(t, err)
	out, err := record.DecodeProperties(text)
	require.NoError(t, err)
	assert.Equal(t, in, out)

	text, err = record.EncodeProperties(nil)
	require.NoError(t, err)
	assert.Empty(t, text)
	out, err = record.DecodeProperties("")
	require.NoError(t, err)
	assert.Nil(t, out)

	_, err = record.EncodeProperties(map[string]any{"f": func() {}})
	require.Error(t, err)
	_, err = record.DecodeProperties("[]")
	require.Error(t, err)
}

func TestSegmentChanges(t *testing.T) {
	t.Parallel()
	joined, left := record.SegmentChanges([]string{"a", "b"}, []string{"b", "c", "d"})
	assert.Equal(t, []string{"c", "d"}, joined)
	assert.Equal(t, []string{"a"}, left)
}

func TestSegments_RoundTrip(t *testing.T) {
	t.Parallel()
	for _, in := range [][]string{nil, {"vip"}, {"<é>", "", "a,b"}} {
		text, err := record.EncodeSegments(in)
		require.NoError(t, err)
		out, err := record.DecodeSegments(text)
		require.NoError(t, err)
		assert.Equal(t, in, out)
	}
	_, err := record.DecodeSegments("{}")
	require.Error(t, err)
}
