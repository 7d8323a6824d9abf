package unsubscribe

import (
	"math"
	"strconv"
)

// The default colours of the page. They are readable together: their contrast is at least
// 4.5 to 1.
const (
	lightBackground = "#ffffff"
	lightForeground = "#1c1e21"
	lightAccent     = "#1d4ed8"
	darkBackground  = "#16181c"
	darkForeground  = "#e8eaed"
	darkAccent      = "#8ab4f8"
)

// palette holds the colours of a page. OnAccent is the colour of the button's text.
type palette struct{ Background, Foreground, Accent, OnAccent string }

var (
	light = newPalette(lightBackground, lightForeground, lightAccent)
	dark  = newPalette(darkBackground, darkForeground, darkAccent)
)

// newPalette returns a palette with the given colours, and for each missing colour the
// default that is most readable with them.
func newPalette(background, foreground, accent string) palette {
	if background == "" && foreground == "" {
		background = lightBackground
	}
	if background == "" {
		background = better(foreground, lightBackground, darkBackground)
	}
	if foreground == "" {
		foreground = better(background, lightForeground, darkForeground)
	}
	if accent == "" {
		accent = better(background, lightAccent, darkAccent)
	}
	return palette{background, foreground, accent, better(accent, "#ffffff", "#000000")}
}

// better returns which of a and b stands out more from color.
func better(color, a, b string) string {
	if contrast(color, a) >= contrast(color, b) {
		return a
	}
	return b
}

// contrast returns the ratio that the Web Content Accessibility Guidelines define, from
// 1 to 21.
func contrast(a, b string) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// luminance returns the relative luminance of a valid colour, from 0 to 1.
func luminance(color string) float64 {
	digits := color[1:]
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	rgb, _ := strconv.ParseUint(digits, 16, 32)
	return 0.2126*linear(rgb>>16) + 0.7152*linear(rgb>>8) + 0.0722*linear(rgb)
}

// linear returns the linear light of one channel, the lowest byte of channel.
func linear(channel uint64) float64 {
	c := float64(channel&0xff) / 255
	if c <= 0.04045 {
		return c / 12.92
	}
	return math.Pow((c+0.055)/1.055, 2.4)
}
