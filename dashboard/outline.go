package dashboard

import (
	"html/template"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/diagram"
)

// outlineStep is a step of a graph in the form of a list, which screen readers and narrow
// screens show in place of the diagram.
type outlineStep struct {
	Key, Kind string
	About     string // what the step does, in a few words
	Counts    tally
	Next      []outlineNext
	Rules     []string // of entry and exit, at the trigger
	Gone      bool     // not in the version that is shown, although runs are at it
	// Here, Failed and All are the links to the runs that are at the step, that failed
	// there, and both with those that ended there. They are empty if nothing is counted.
	Here, Failed, All template.URL
}

// outlineNext is a connection.
type outlineNext struct{ Branch, To string }

// outlineOf returns the steps of a graph in their order, with how many runs are at each.
// After them come the steps of other versions at which runs are, or failed.
func outlineOf(a automation.Automation, counts map[string]tally) []outlineStep {
	var steps []outlineStep
	known := map[string]bool{}
	for i, s := range a.Steps {
		known[s.Key] = true
		kind, about := diagram.Describe(s)
		steps = append(steps, outlineStep{Key: s.Key, Kind: kind, About: about, Counts: counts[s.Key], Next: nextOf(a, i)})
	}
	if len(steps) > 0 {
		steps[0].Rules = append(diagram.DescribeEntry(a.Entry), diagram.DescribeExit(a.Exit)...)
	}
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		if n := counts[key]; !known[key] && n.Running+n.Failed > 0 {
			steps = append(steps, outlineStep{Key: key, Counts: counts[key], Gone: true})
		}
	}
	return steps
}

// nextOf returns the connections of the step with this place. It leaves out the only
// connection of a step if it leads to the step below.
func nextOf(a automation.Automation, place int) (next []outlineNext) {
	for _, c := range a.Connections {
		if c.From == a.Steps[place].Key {
			next = append(next, outlineNext{diagram.BranchWord(c.Type), c.To})
		}
	}
	if len(next) == 1 && place+1 < len(a.Steps) && next[0] == (outlineNext{"", a.Steps[place+1].Key}) {
		return nil
	}
	return next
}

// flowView is a graph of an automation: as a drawing and, for narrow screens and on
// demand, as a list.
type flowView struct {
	Drawing template.HTML
	Steps   []outlineStep
}

// flowOf returns the view of a graph whose steps are in the outline.
func flowOf(a automation.Automation, steps []outlineStep) flowView {
	notes, links := map[string][]string{}, map[string]string{}
	for _, s := range steps {
		if n := s.Counts.Running; n > 0 {
			notes[s.Key] = append(notes[s.Key], formatCount(n)+" here")
		}
		if n := s.Counts.Failed; n > 0 {
			notes[s.Key] = append(notes[s.Key], formatCount(n)+" failed")
		}
		links[s.Key] = string(s.All)
	}
	svg := diagram.SVG(a, diagram.Options{Notes: notes, Link: func(key string) string { return links[key] }, Embedded: true})
	return flowView{embedded(svg), steps}
}

// widthOf finds the width of a drawing, in pixels.
var widthOf = regexp.MustCompile(`^<svg [^>]* width="(\d+)"`)

// legibleWidth is the width up to which a drawing can be read when it is shrunk to the width
// of its column. A wider one is scrolled.
const legibleWidth = 1000

// embedded returns a drawing of package diagram, which escapes all names.
func embedded(svg string) template.HTML {
	found := widthOf.FindStringSubmatch(svg)
	if found == nil {
		return template.HTML(svg)
	}
	if width, err := strconv.Atoi(found[1]); err != nil || width > legibleWidth {
		return template.HTML(svg)
	}
	return template.HTML(`<div class="fits">` + svg + `</div>`)
}
