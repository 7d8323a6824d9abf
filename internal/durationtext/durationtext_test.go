package durationtext

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The texts that Duration accepts and refuses are in the tests of the root package.

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"30 minutes": 30 * time.Minute, "1 day 12 hours": 36 * time.Hour, "36h": 36 * time.Hour, "2 WEEKS": 2 * Week,
	} {
		d, err := Parse(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, d, text)
	}
}

func TestParse_Refuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{
		"": ErrSyntax, "soon": ErrSyntax, "3 moons": ErrSyntax, "1.5 days": ErrSyntax,
		"0 days": ErrNotPositive, "-36h": ErrNotPositive,
		"99999999999999999999 weeks": ErrTooLong, "106751 days 24 hours": ErrTooLong,
	} {
		d, err := Parse(text)
		require.ErrorIs(t, err, want, text)
		assert.Zero(t, d, text)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "2 weeks", Words(2*Week))
	assert.Equal(t, "10 days", Words(10*Day))
	assert.Equal(t, "1 day 1 hour 1 minute 1 second", Words(25*time.Hour+61*time.Second))
}
