package automation

import (
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// momentProblems returns the problems of the options about local time.
func (o Options) momentProblems() Problems {
	var ps Problems
	zone := o.Zone.withDefaults()
	if _, err := compilePath(zone.path(), nil); err != nil {
		ps.Add(CodeInvalidOption, "Zone.Property", "%s is no name of a property: give one, such as \"timezone\"", jsondoc.Quote(zone.Property))
	}
	if _, err := loadZone(zone.Default); err != nil {
		ps.Add(CodeInvalidOption, "Zone.Default", "%s", err)
	}
	if o.Window.IsZero() {
		return ps
	}
	for _, p := range o.Window.problems().Errors() {
		ps.Add(CodeInvalidOption, jsondoc.Join("Window", p.Path), "%s", p.Message)
	}
	if err := o.Window.Zone.check(); err != nil {
		ps.Add(CodeInvalidOption, "Window.Zone", "%s", err)
	}
	if ref, ok := o.Window.Zone.value.Ref(); ok {
		if _, err := compilePath(ref, nil); err != nil {
			ps.Add(CodeInvalidOption, "Window.Zone", "%s", err)
		}
	}
	return ps
}
