package dashboard

import (
	"math"
	"strconv"
	"strings"
)

// Color is a colour such as "#2450d3".
type Color string

// rgb returns the parts of a colour, between 0 and 1.
func (c Color) rgb() (parts [3]float64, ok bool) {
	digits, isHex := strings.CutPrefix(string(c), "#")
	n, err := strconv.ParseUint(digits, 16, 32)
	if !isHex || len(digits) != 6 || err != nil {
		return parts, false
	}
	for i := range parts {
		parts[i] = float64(n>>(16-8*i)&0xff) / 255
	}
	return parts, true
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(rgb [3]float64) float64 {
	for i, part := range rgb {
		if part <= 0.04045 {
			rgb[i] = part / 12.92
		} else {
			rgb[i] = math.Pow((part+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*rgb[0] + 0.7152*rgb[1] + 0.0722*rgb[2]
}

// contrast is the contrast ratio of WCAG 2.2, between 1 and 21.
func contrast(a, b Color) float64 {
	first, _ := a.rgb()
	second, _ := b.rgb()
	light, dark := luminance(first), luminance(second)
	if light < dark {
		light, dark = dark, light
	}
	return (light + 0.05) / (dark + 0.05)
}
