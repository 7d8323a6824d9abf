package dashboard

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestMoment_IsRoundedOnlyAhead(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		72*time.Hour - time.Second:      "in 3 days",
		72*time.Hour - 13*time.Hour:     "in 2 days",
		48*time.Hour - time.Minute:      "in 2 days",
		59*time.Minute + 40*time.Second: "in 1 h",
		59*time.Minute + 20*time.Second: "in 59 min",
		900 * time.Millisecond:          "in 1 s",
		0:                               "just now",
		-119 * time.Second:              "1 min ago",
		-71 * time.Hour:                 "2 days ago",
	} {
		assert.Equal(t, want, moment{at: now.Add(d), now: now, zone: time.UTC}.Ago(), d)
	}
}
