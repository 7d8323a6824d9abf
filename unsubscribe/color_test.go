package unsubscribe

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// readable is the contrast that the guidelines require.
const readable = 4.5

func TestPalette_DefaultsCanBeRead(t *testing.T) {
	t.Parallel()
	for _, p := range []palette{light, dark} {
		assert.GreaterOrEqual(t, contrast(p.Background, p.Foreground), readable)
		assert.GreaterOrEqual(t, contrast(p.Accent, p.OnAccent), readable)
		assert.GreaterOrEqual(t, contrast(p.Background, p.Accent), 3.0, "the button can be seen")
	}
}

func TestPalette_DefaultsFitTheGivenColours(t *testing.T) {
	t.Parallel()
	for _, color := range []string{"#000", "#fff", "#123456", "#fedcba", "#888", "#f00", "#00f", "#ff0"} {
		assert.GreaterOrEqual(t, contrastOf(newPalette(color, "", "")), 4.0, color)
		assert.GreaterOrEqual(t, contrastOf(newPalette("", color, "")), 4.0, color)
		p := newPalette("", "", color)
		assert.GreaterOrEqual(t, contrast(p.Accent, p.OnAccent), readable, color)
		assert.Equal(t, lightBackground, p.Background)
	}
}

func contrastOf(p palette) float64 { return contrast(p.Background, p.Foreground) }

func TestContrast_FollowsTheGuidelines(t *testing.T) {
	t.Parallel()
	assert.InDelta(t, 21, contrast("#000000", "#fff"), 0.001)
	assert.InDelta(t, 1, contrast("#abc", "#aabbcc"), 0.001)
	assert.InDelta(t, 4.48, contrast("#777777", "#ffffff"), 0.01)
	assert.Equal(t, contrast("#123", "#def"), contrast("#def", "#123"))
}
