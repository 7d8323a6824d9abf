package diagram

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// font is a size in pixels with the widths of the characters from space to tilde, in
// thousandths of the size. The widths are those of DejaVu Sans. It is wider than the fonts
// that browsers choose for sans-serif, so that text which fits in it fits.
type font struct {
	size   int
	widths *[95]uint16
}

var (
	titleFont   = font{13, &boldWidths}
	summaryFont = font{12, &regularWidths}
	labelFont   = font{11, &boldWidths} // of connections and statuses
)

var regularWidths = [95]uint16{
	318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636,
	636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
	575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685,
	611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579,
	278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
}

var boldWidths = [95]uint16{
	348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365, 696, 696, 696,
	696, 696, 696, 696, 696, 696, 696, 400, 400, 838, 838, 838, 580, 1000, 774, 762, 734, 830, 683,
	683, 821, 837, 372, 372, 775, 637, 995, 837, 850, 733, 850, 770, 720, 682, 812, 774, 1103, 771,
	724, 725, 457, 365, 457, 838, 500, 500, 675, 716, 593, 716, 678, 435, 716, 712, 343, 343, 665,
	343, 1042, 712, 687, 716, 716, 493, 595, 478, 712, 652, 924, 645, 652, 582, 712, 365, 712, 838,
}

const ellipsis = "…"

// width returns the width of a character in thousandths of a pixel.
func (f font) width(r rune) int {
	switch {
	case r >= ' ' && r <= '~':
		return int(f.widths[r-' ']) * f.size
	case extends(r):
		return 0
	case r < 0x0700: // the alphabets of Europe and the Near East
		return 950 * f.size
	case r < 0x1F000:
		return 1050 * f.size
	default: // emoji
		return 1400 * f.size
	}
}

// measure returns the width of a text in pixels.
func (f font) measure(text string) int {
	sum := 0
	for _, r := range text {
		sum += f.width(r)
	}
	return (sum + 999) / 1000
}

// cut returns a text as it is, or its beginning if it is wider than a number of pixels.
func (f font) cut(text string, pixels int) string {
	if f.measure(text) <= pixels {
		return text
	}
	left := pixels*1000 - f.width('…')
	end, joined := 0, false // end of the last whole character that fits
	for i, r := range text {
		if !extends(r) && !joined {
			end = i
		}
		if left -= f.width(r); left < 0 {
			break
		}
		joined = r == '\u200d'
	}
	return strings.TrimRight(text[:end], " ") + ellipsis
}

// extends reports whether a character is drawn with the one before it: it has no width.
func extends(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) || r >= 0x1F3FB && r <= 0x1F3FF
}

// plain returns a text as one line of characters that can be drawn. It removes the
// characters that change the direction of text around them, and replaces control
// characters by spaces.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Bidi_Control, r):
			return -1
		case unicode.IsControl(r), r == '\u2028', r == '\u2029':
			return ' '
		case r == utf8.RuneError, r == 0xFFFE, r == 0xFFFF:
			return utf8.RuneError
		}
		return r
	}, text)
	return strings.TrimSpace(text)
}
