package diagram

import (
	"math"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var property = regexp.MustCompile(`--([a-z-]+): #([0-9a-f]+);`)

// colours returns the custom properties of a style.
func colours(style string) map[string]string {
	all := map[string]string{}
	for _, found := range property.FindAllStringSubmatch(style, -1) {
		all[found[1]] = found[2]
	}
	return all
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	if len(colour) == 3 {
		colour = string([]byte{colour[0], colour[0], colour[1], colour[1], colour[2], colour[2]})
	}
	n, err := strconv.ParseUint(colour, 16, 32)
	require.NoError(t, err)
	linear := func(shift int) float64 {
		c := float64(n>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(16) + 0.7152*linear(8) + 0.0722*linear(0)
}

func TestStyle_HasLegibleText(t *testing.T) {
	t.Parallel()
	grounds := map[string][]string{
		"text":  {"card", "ground", "red-card", "amber-card"},
		"muted": {"card", "ground", "red-card", "amber-card"},
		"green": {"green-tint"}, "red": {"red-tint"}, "blue": {"blue-tint"}, "amber": {"amber-tint"}, "grey": {"grey-tint"},
	}
	for theme, style := range map[string]string{"light": lightColours, "dark": darkColours} {
		values := colours(style)
		for text, all := range grounds {
			for _, ground := range all {
				a, b := luminance(t, values[text]), luminance(t, values[ground])
				assert.GreaterOrEqual(t, (max(a, b)+0.05)/(min(a, b)+0.05), 4.5, "%s: %s on %s", theme, text, ground)
			}
		}
		for _, line := range []string{"green-line", "red-line", "amber-line", "blue-line", "accent", "line"} {
			a, b := luminance(t, values[line]), luminance(t, values["ground"])
			assert.GreaterOrEqual(t, (max(a, b)+0.05)/(min(a, b)+0.05), 3.0, "%s: %s", theme, line)
		}
	}
	assert.Len(t, colours(darkColours), len(colours(lightColours)))
}

func TestStyle_DefinesTheColoursItUses(t *testing.T) {
	t.Parallel()
	values := colours(lightColours)
	for _, used := range regexp.MustCompile(`var\(--([a-z-]+)\)`).FindAllStringSubmatch(Style, -1) {
		assert.Contains(t, values, used[1])
	}
}

// Icons and signs are lines: filled, they are blots, and in the colour of their tile invisible.
func TestStyle_DrawsIconsAndSignsAsLines(t *testing.T) {
	t.Parallel()
	for _, drawn := range []string{".icon", ".status path"} {
		rule := regexp.MustCompile(`\.automation-diagram ` + regexp.QuoteMeta(drawn) + `[,{ ][^}]*fill: none; stroke: currentColor;`)
		assert.Regexp(t, rule, Style)
	}
}
