package civil

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestWeekdayOf(t *testing.T) {
	t.Parallel()
	for day, want := range map[time.Weekday]Weekday{
		time.Sunday: "sun", time.Monday: "mon", time.Tuesday: "tue", time.Wednesday: "wed", time.Thursday: "thu", time.Friday: "fri", time.Saturday: "sat",
	} {
		assert.Equal(t, want, WeekdayOf(day))
		assert.NoError(t, want.Err())
	}
}

func TestWeekday_ErrOfAnotherText(t *testing.T) {
	t.Parallel()
	for _, text := range []Weekday{"", "Mon", "monday", "1", " mon"} {
		assert.ErrorContains(t, text.Err(), "is not understood: write mon, tue, wed, thu, fri, sat or sun", text)
	}
}
