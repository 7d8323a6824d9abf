package automation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-b636437c/automation/internal/civil"
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

func (c *stepValidator) validateDelayUntil(d DelayUntil) {
	switch {
	case d.At.IsZero() && d.Next == nil:
		c.errorf(CodeDelayNeedsOneKind, "config", `there is nothing to wait for: give exactly one of at, such as {"var": "event.starts_at"}, `+
			`and next, such as {"time": "09:00"}`)
	case !d.At.IsZero() && d.Next != nil:
		c.errorf(CodeDelayNeedsOneKind, "config", "the step has both at and next: give exactly one of them, and make a second step for the other")
	case d.Next != nil:
		c.validateForeign("at", d.atMembers())
		c.validateNext(d)
	default:
		c.validateForeign("next", map[string]bool{"after": !d.After.IsZero()})
		c.validateAt(d)
	}
	c.validateZone("config.zone", d.Zone)
}

// atMembers returns which members are given that belong to At.
func (d DelayUntil) atMembers() map[string]bool {
	return map[string]bool{
		"offset": !d.Offset.IsZero(), "time": !d.Time.IsZero(), "if_past": d.IfPast != "", "if_missing": d.IfMissing != "",
	}
}

// validateForeign refuses members that belong to the member with this name, which is absent.
func (c *stepValidator) validateForeign(owner string, members map[string]bool) {
	for _, name := range sortedKeys(members) {
		if members[name] {
			c.errorf(CodeDelayNeedsOneKind, "config."+name, "%s belongs to %s, which the step does not have: remove one of them", name, owner)
		}
	}
}

func (c *stepValidator) validateAt(d DelayUntil) {
	switch {
	case d.Offset.Err() != nil:
		c.errorf(CodeInvalidDuration, "config.offset", "%s", d.Offset.Err())
	case d.Time.Err() != nil:
		c.errorf(CodeInvalidConfig, "config.time", "%s", d.Time.Err())
	case d.until().Err() != nil:
		c.errorf(CodeInvalidConfig, "config.offset", "%s", d.until().Err())
	case max(d.Offset.Std(), -d.Offset.Std()) > c.limits.Until:
		c.errorf(CodeLimit, "config.offset", "offset %s is over the limit of %s: raise Limits.Until", jsondoc.Quote(d.Offset.String()),
			DurationOf(c.limits.Until))
	}
	c.validateOtherwise("config.if_past", d.IfPast)
	c.validateOtherwise("config.if_missing", d.IfMissing)
	if ref, ok := d.At.Ref(); ok {
		c.validateReference("config.at", ref)
		c.validateDateOnly(d, ref)
		return
	}
	c.validateDate(d)
}

// validateDateOnly refuses a reference to dates without a time of day, if the step has no time
// of day either.
func (c *stepValidator) validateDateOnly(d DelayUntil, ref string) {
	p, err := compilePath(ref, c.names)
	if err != nil || !d.Time.IsZero() {
		return
	}
	if _, declared := c.describe(p, c.graph.triggerEvent()); declared.DateOnly {
		c.errorf(CodeTimeNeeded, "config.time", `%s is a date by the definition of its event, and a date has no time of day: add one, such as "time": "09:00"`,
			jsondoc.Quote(ref))
	}
}

// until returns how the instant is counted from At.
func (d DelayUntil) until() civil.Until { return civil.Until{Offset: d.Offset, Time: d.Time} }

// validateDate validates a literal At.
func (c *stepValidator) validateDate(d DelayUntil) {
	text, _ := d.At.Literal().(string)
	_, noDate := civil.ParseDate(text)
	_, result := civil.Until{}.Resolve(d.At.Literal(), time.UTC, time.Time{}, time.Time{})
	switch isTime := result != civil.UntilMissing; {
	case isTime:
	case d.At.err() != nil:
		c.errorf(CodeInvalidConfig, "config.at", "%s", d.At.err())
	case noDate != nil:
		c.errorf(CodeInvalidConfig, "config.at", `%s is no date: write one as in RFC 3339, such as "2026-12-24" or "2026-12-24T18:00:00+01:00", `+
			`or a reference to one, such as {"var": "event.starts_at"}`, jsondoc.Shorten(d.At.String()))
	case d.Time.IsZero():
		c.errorf(CodeTimeNeeded, "config.time", `the date %s has no time of day: add one, such as "time": "09:00"`, jsondoc.Quote(text))
	}
}

func (c *stepValidator) validateOtherwise(path string, o Otherwise) {
	switch o {
	case "", OtherwiseContinue, OtherwiseEnd, OtherwiseFail:
	default:
		c.errorf(CodeInvalidConfig, path, "%s %s is unknown: use %q, %q or %q", strings.TrimPrefix(path, "config."), jsondoc.Quote(o),
			OtherwiseContinue, OtherwiseEnd, OtherwiseFail)
	}
}

func (c *stepValidator) validateNext(d DelayUntil) {
	const path = "config.next"
	if d.Next.Time.IsZero() {
		c.errorf(CodeMissingField, path+".time", `the time of day is missing: give one, such as "09:00"`)
	} else if err := d.Next.Time.Err(); err != nil {
		c.errorf(CodeInvalidConfig, path+".time", "%s", err)
	}
	for i, day := range d.Next.Weekdays {
		if err := day.Err(); err != nil {
			c.errorf(CodeInvalidConfig, fmt.Sprintf("%s.weekdays[%d]", path, i), "%s", err)
		}
	}
	switch err := d.After.Err(); {
	case err != nil:
		c.errorf(CodeInvalidDuration, "config.after", "%s", err)
	case d.After.Std() > c.limits.Until:
		c.errorf(CodeLimit, "config.after", "after %s is over the limit of %s: raise Limits.Until, or put a delay before the step",
			jsondoc.Quote(d.After.String()), DurationOf(c.limits.Until))
	}
}

// validatePast checks that exactly one thing happens if the date has passed.
func (c *stepValidator) validatePast(d DelayUntil) {
	connected := c.meant.hasBranch(c.i, ConnectionPast)
	switch {
	case d.Next != nil && d.At.IsZero() && connected:
		c.errorf(CodeDelayNeedsOneKind, "", "next is never past: remove the connection of type %q", ConnectionPast)
	case d.Next != nil || d.At.IsZero():
	case connected && d.IfPast != "":
		c.errorf(CodePastNotHandled, "config.if_past", "if_past and the connection of type %q both state what happens if the date has passed: "+
			"remove one of them", ConnectionPast)
	case !connected && d.IfPast == "" && !c.hasForeignConnection(untilBranches):
		c.errorf(CodePastNotHandled, "config", "nothing states what happens if the date has passed: "+
			`add a connection of type %q, or if_past, which is %q, %q or %q`, ConnectionPast, OtherwiseContinue, OtherwiseEnd, OtherwiseFail)
	}
}

// validateZone validates the zone at path.
func (c *stepValidator) validateZone(path string, z Zone) {
	if ref, ok := z.value.Ref(); ok {
		c.validateReference(path, ref)
		return
	}
	if err := z.check(); err != nil {
		c.errorf(CodeUnknownZone, path, "%s", err)
	}
}

// check returns the error of a zone that is given by a name which this process cannot load.
func (z Zone) check() error {
	if z.value.kind != valueString || z == ContactZone() {
		return nil
	}
	_, err := loadZone(z.value.text)
	return err
}

func (c *stepValidator) validateWindow(path string, w Window) {
	for _, p := range w.problems() {
		c.report(p.Severity, p.Code, jsondoc.Join(path, p.Path), "%s", p.Message)
	}
	c.validateZone(path+".zone", w.Zone)
}

// problems returns the problems of the window, without those of its zone.
func (w Window) problems() Problems {
	var ps Problems
	switch n := len(w.Hours); {
	case n == 0:
		ps.Add(CodeInvalidWindow, "hours", `the window has no hours, so it never opens: give it some, such as {"from": "09:00", "to": "17:00"}`)
	case n > maxWindowHours:
		ps.Add(CodeLimit, "hours", "the window has %d entries of hours, the limit is %d: let one entry have several days", n, maxWindowHours)
		return ps
	}
	for i, h := range w.Hours {
		path := fmt.Sprintf("hours[%d]", i)
		if err := h.Err(); err != nil {
			ps.Add(CodeInvalidWindow, path, "%s", err)
		} else if length := lengthOf(h); length < narrowest {
			ps = append(ps, Problem{Severity: SeverityWarning, Code: CodeWindowNarrow, Path: path, Message: fmt.Sprintf(
				"the window is open for %s only: a run that is late waits for the next time, so make it longer", DurationOf(length))})
		}
	}
	return append(ps, w.dateProblems()...)
}

func (w Window) dateProblems() (ps Problems) {
	if n := len(w.Except); n > maxWindowDates {
		ps.Add(CodeLimit, "except", "the window leaves out %d dates, the limit is %d: remove those that have passed", n, maxWindowDates)
		return ps
	}
	for i, date := range w.Except {
		if date.IsZero() {
			ps.Add(CodeInvalidWindow, fmt.Sprintf("except[%d]", i), `the date is missing: give one, such as "2026-12-25"`)
		} else if err := date.Err(); err != nil {
			ps.Add(CodeInvalidWindow, fmt.Sprintf("except[%d]", i), "%s", err)
		}
	}
	if len(ps) == 0 && w.staysClosed() {
		ps.Add(CodeWindowNeverOpens, "except", "the window does not open within a year, because except has all of its days: remove some of them")
	}
	return ps
}

// narrowest is the length of hours below which a Runner that is a little late misses them.
const narrowest = 15 * time.Minute

// lengthOf returns how long the hours are on a day without a clock change.
func lengthOf(h Hours) time.Duration {
	const day = 24 * 60
	return time.Duration((h.To.Minute()-h.From.Minute()+day-1)%day+1) * time.Minute
}

// staysClosed reports whether the dates in Except leave out every day of a year on which
// hours begin. It does not depend on the time at which the window is validated.
func (w Window) staysClosed() bool {
	const weeks, days = 52, 366
	if len(w.Except) < weeks {
		return false
	}
	out := make(map[string]bool, len(w.Except))
	for _, date := range w.Except {
		out[date.String()] = true
	}
	return slices.ContainsFunc(w.Except, func(date Date) bool {
		for range days {
			if !out[date.String()] && w.beginsOn(date.Weekday()) {
				return false
			}
			date = date.AddDays(1)
		}
		return true
	})
}

func (w Window) beginsOn(day Weekday) bool {
	return slices.ContainsFunc(w.Hours, func(h Hours) bool { return len(h.Days) == 0 || slices.Contains(h.Days, day) })
}
