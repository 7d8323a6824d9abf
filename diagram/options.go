package diagram

import "github.com/seed-b636437c/automation"

// Options determine what is drawn. The zero value draws an automation.
type Options struct {
	// Run is a run of the automation, with its Steps, as Runner.GetRun returns it. The
	// steps that it reached have their status, and the connections that it took stand
	// out. Draw it over the version of the automation that the run is on. Steps of the
	// run that the automation does not have are ignored. Nil draws no run.
	Run *automation.Run
	// Notes are short lines in a step, by its key, such as "301 here" and "2 failed".
	Notes map[string][]string

	// The rest is for SVG only.

	// Link returns the address that a step leads to, by its key. A step is no link if
	// the address is empty. Nil makes no links.
	Link func(stepKey string) string
	// Selected is the key of a step that stands out.
	Selected string
	// Embedded leaves out the style and the background, so that the SVG fits in a page
	// whose content policy forbids inline styles. The page needs the rules of Style.
	Embedded bool
}
