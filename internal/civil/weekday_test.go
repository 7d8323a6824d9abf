package civil

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseWeekday(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Weekday{
		"sun": time.Sunday, "mon": time.Monday, "tue": time.Tuesday, "wed": time.Wednesday, "thu": time.Thursday, "fri": time.Friday, "sat": time.Saturday,
	} {
		w, err := ParseWeekday(text)
		require.NoError(t, err, text)
		assert.Equal(t, WeekdayOf(want), w)
	}
}

func TestParseWeekday_Refuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "Mon", "monday", "1", " mon"} {
		w, err := ParseWeekday(text)
		require.ErrorContains(t, err, "is not understood: write mon, tue, wed, thu, fri, sat or sun", text)
		assert.Zero(t, w)
	}
}
