package dashboard

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"strconv"
	"strings"

	"github.com/seed-b636437c/automation/internal/options"
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

// The colours behind links and texts in the accent, in 10-base.css: cards, the ground and
// what the pointer is on.
var (
	lightGrounds = []Color{"#ffffff", "#f5f7f9", "#eef1f6"}
	darkGrounds  = []Color{"#171b21", "#0f1216", "#222831"}
)

// check reports an accent that cannot be read on the pages.
func (a Accent) check(c *options.Check) {
	check := func(path string, color Color, grounds []Color) {
		if color == "" {
			return
		}
		if _, ok := color.rgb(); !ok {
			c.Add(path, "%q is not a colour: write it as #2450d3", color)
			return
		}
		for _, ground := range grounds {
			if ratio := contrast(color, ground); ratio < 4.5 {
				c.Add(path, "%s has a contrast of %.1f on %s, and texts need 4.5: choose a colour that differs more", color, ratio, ground)
				return
			}
		}
	}
	check("Accent.Light", a.Light, lightGrounds)
	check("Accent.Dark", a.Dark, darkGrounds)
}

// css returns the styles that set the accent. They follow those of all pages.
func (a Accent) css() string {
	var b strings.Builder
	if a.Light != "" {
		fmt.Fprintf(&b, ":root{--accent:%s}\n", a.Light)
	}
	if a.Dark != "" {
		fmt.Fprintf(&b, "@media (prefers-color-scheme:dark){:root{--accent:%s}}\n", a.Dark)
	} else if a.Light != "" {
		b.WriteString("@media (prefers-color-scheme:dark){:root{--accent:#8ba9ff}}\n")
	}
	return b.String()
}

// checkLogo reports a logo that is no SVG document.
func checkLogo(c *options.Check, logo string) {
	if logo == "" {
		return
	}
	decoder := xml.NewDecoder(strings.NewReader(logo))
	root := ""
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			c.Add("LogoSVG", "is not XML: %v", err)
			return
		}
		if start, ok := token.(xml.StartElement); ok && root == "" {
			root = start.Name.Local
		}
	}
	if root != "svg" {
		c.Add("LogoSVG", "is a document of <%s>, not of <svg>", root)
	}
}

// branded returns the assets of all Handlers with those of this Handler's brand.
func (o Options) branded() assetSet {
	set := assetSet{version: assets().version, files: maps.Clone(assets().files)}
	if o.Accent != (Accent{}) {
		styles := append(append([]byte{}, set.files["app.css"].body...), o.Accent.css()...)
		set.files["app.css"] = newAsset("app.css", styles)
	}
	if o.LogoSVG != "" {
		set.files["logo.svg"] = newAsset("logo.svg", []byte(o.LogoSVG))
	}
	if o.Accent != (Accent{}) || o.LogoSVG != "" {
		hash := sha256.Sum256([]byte(set.version + o.Accent.css() + o.LogoSVG))
		set.version = hex.EncodeToString(hash[:])[:12]
	}
	return set
}
