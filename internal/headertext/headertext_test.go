package headertext_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation/internal/headertext"
)

func TestHasControl(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"a\nb", "\r", "\x00", "a\x7f", "\u0085"} {
		assert.True(t, headertext.HasControl(s), "%q", s)
	}
	for _, s := range []string{"", "plain", "a\tb", "é…"} {
		assert.False(t, headertext.HasControl(s), "%q", s)
	}
}
