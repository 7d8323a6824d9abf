package dashboard

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

	"github.com/seed-b636437c/automation/internal/options"
)

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
