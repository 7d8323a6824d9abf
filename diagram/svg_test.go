package diagram_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/diagram"
)

var drawings = map[string]struct {
	automation automation.Automation
	opts       diagram.Options
}{
	"trial":   {automation: trial},
	"diamond": {automation: diamond},
	"long":    {automation: long},
	"loops":   {automation: loops},
	"hostile": {automation: hostile, opts: diagram.Options{Notes: map[string][]string{"end": {`<b>"note"</b>`}}}},
	"editor": {automation: trial, opts: diagram.Options{
		Link: func(key string) string { return "?step=" + key }, Selected: "is_team", Embedded: true, Handles: true,
		Notes: map[string][]string{"wait_for_project": {"301 here · 2 failed"}, "nudge": {"12 here", "a second line that is much too long for the step"}},
	}},
}

func TestSVG_IsAsBefore(t *testing.T) {
	t.Parallel()
	for name, d := range drawings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			svg := diagram.SVG(d.automation, d.opts)
			wellFormed(t, svg)
			golden(t, "testdata/"+name+".svg", svg)
		})
	}
	failed, waiting, completed := runs(t)
	for name, run := range map[string]automation.Run{"failed": failed, "waiting": waiting, "completed": completed} {
		golden(t, "testdata/"+name+".svg", diagram.SVG(trial, diagram.Options{Run: &run}))
	}
}

// wellFormed asserts that a document is XML.
func wellFormed(t *testing.T, doc string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(doc))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
	}
}

func TestSVG_KeepsKeysOutOfTheMarkup(t *testing.T) {
	t.Parallel()
	svg := diagram.SVG(hostile, diagram.Options{Link: func(key string) string { return `"` + key }, Selected: "\xff"})
	wellFormed(t, svg)
	assert.NotContains(t, svg, "<script")
	assert.NotRegexp(t, `>[^<]*\x{202e}`, svg, "no text turns the direction of others")
}
