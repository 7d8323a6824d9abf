package nearest

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"event_name", "timeout", "filter_rule", "to", "reply_to"}
	tests := map[string]string{
		"eventName":   "event_name",
		"EVENT-NAME":  "event_name",
		"event_nmae":  "event_name",
		"timeuot":     "timeout",
		"Filter Rule": "filter_rule",
		"To":          "to",
		"replyto":     "reply_to",
		"xx":          "",
		"":            "",
		"completely":  "",
	}
	for name, want := range tests {
		assert.Equal(t, want, Match(name, known), name)
	}
}

func TestEditDistance(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"same", "same", 0}} {
		assert.Equal(t, tt.want, editDistance(tt.a, tt.b), "%s to %s", tt.a, tt.b)
	}
}
