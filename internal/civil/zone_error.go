package civil

import (
	"fmt"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// ZoneError is the error of a zone that cannot be used.
type ZoneError struct {
	Name string
	// Listed means that IANA lists the name, but this process has no data for it.
	Listed bool
	// NoData means that this process has no zone data at all.
	NoData bool
}

// Nearest returns the name that is most likely meant, or "". It compares Name with every
// zone, so call it only for a message.
func (e *ZoneError) Nearest() string {
	if e.Listed || len(e.Name) > maxZoneName {
		return ""
	}
	return nearestZone(e.Name)
}

// Error returns a message with the way out.
func (e *ZoneError) Error() string {
	name := jsondoc.Quote(e.Name)
	switch {
	case e.Listed && e.NoData:
		return fmt.Sprintf(`time zone %s cannot be loaded, because this process has no time zone data: `+
			`import _ "time/tzdata", or install the zone data of the system`, name)
	case e.Listed:
		return fmt.Sprintf(`time zone %s cannot be loaded, because the time zone data of this process does not have it: `+
			`import _ "time/tzdata", or install newer zone data on the system`, name)
	}
	if meant := e.Nearest(); meant != "" {
		return fmt.Sprintf("%s is no time zone: did you mean %q?", name, meant)
	}
	return fmt.Sprintf(`%s is no time zone: write a name that IANA lists, such as "Europe/Berlin" or "UTC"`, name)
}
