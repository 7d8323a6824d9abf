package record_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/store/internal/record"
)

func TestFallback_RoundTrip(t *testing.T) {
	t.Parallel()
	for _, fallback := range []any{nil, "", "Grüße \"1\"\x00", json.Number("12345678901234567890.50")} {
		text, err := record.EncodeFallback(fallback)
		require.NoError(t, err)
		got, err := record.DecodeFallback(text)
		require.NoError(t, err)
		assert.Equal(t, fallback, got)
	}
	_, err := record.EncodeFallback(make(chan int))
	require.Error(t, err)
	_, err = record.DecodeFallback("{")
	require.Error(t, err)
}
