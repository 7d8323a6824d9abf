package diagram

import (
	"slices"
	"strings"

	"github.com/seed-b636437c/automation"
)

// untilText describes the instant of a step: "1 day before event.starts_at at 09:00".
func untilText(c automation.DelayUntil) summary {
	zone := zoneText(c.Zone)
	if c.Next != nil {
		text := strings.TrimSpace(daysText(c.Next.Weekdays) + " " + c.Next.Time.String())
		if !c.After.IsZero() {
			text += ", after " + c.After.String()
		}
		return summary{text, zone}
	}
	text := valueText(c.At)
	if date, ok := c.At.Literal().(string); ok {
		text = date
	}
	switch offset := strings.TrimSpace(c.Offset.String()); {
	case offset == "":
	case strings.HasPrefix(offset, "-"):
		text = offset[1:] + " before " + text
	default:
		text = strings.TrimPrefix(offset, "+") + " after " + text
	}
	if !c.Time.IsZero() {
		text += " at " + c.Time.String()
	}
	return summary{text, zone}
}

// hoursText describes when a window is open: "mon tue 09:00–17:00".
func hoursText(w automation.Window) string {
	parts := make([]string, len(w.Hours))
	for i, h := range w.Hours {
		parts[i] = strings.TrimSpace(daysText(h.Days) + " " + h.From.String() + "–" + h.To.String())
	}
	return strings.Join(parts, ", ")
}

func daysText(days []automation.Weekday) string {
	names := make([]string, len(days))
	for i, day := range days {
		names[i] = string(day)
	}
	return strings.Join(names, " ")
}

// zoneText describes the zone of a step, or returns "" for the default one.
func zoneText(z automation.Zone) string {
	switch {
	case z.IsZero():
		return ""
	case z == automation.ContactZone():
		return ", contact's zone"
	default:
		return ", " + z.String()
	}
}

// untilBranches returns the branches of a step that waits until a date. There is one for a date
// that has passed if it is connected, or if the config does not state what happens then.
func untilBranches(c automation.DelayUntil, connected []automation.ConnectionType) []automation.ConnectionType {
	all := []automation.ConnectionType{automation.ConnectionDefault}
	if slices.Contains(connected, automation.ConnectionPast) || c.Next == nil && c.IfPast == "" {
		all = append(all, automation.ConnectionPast)
	}
	return all
}
