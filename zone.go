package automation

import (
	"encoding/json"
	"errors"
)

// Zone is the time zone in which a step reads clocks. In JSON it is the name of a zone that
// IANA lists, such as "Europe/Berlin"; "contact" for the zone of the contact, which
// Options.Zone finds; or a reference such as {"var": "event.timezone"}. The zero Zone is
// Options.Zone.Default.
//
// If the contact has no zone, if a reference leads to none, or if a process cannot load the
// zone, Options.Zone.Default applies. The output of the step then has the zone_source
// "fallback_missing" or "fallback_invalid".
type Zone struct {
	value Value // absent, a string or a reference
}

// zoneOfContact is the text of the zone of the contact.
const zoneOfContact = "contact"

// ZoneOf returns the zone with a name that IANA lists, such as "Europe/Berlin". Validate
// refuses other names, offsets and abbreviations.
func ZoneOf(name string) Zone { return Zone{String(name)} }

// ContactZone returns the zone of the contact: the one that the property with the name
// Options.Zone.Property holds.
func ContactZone() Zone { return Zone{String(zoneOfContact)} }

// ZoneAt returns the zone whose name is the data at path, such as "event.timezone".
func ZoneAt(path string) Zone { return Zone{Var(path)} }

// IsZero reports whether z is the zero Zone.
func (z Zone) IsZero() bool { return z == Zone{} }

// String returns the name of the zone, or the reference to it in JSON. It returns "" for the
// zero Zone.
func (z Zone) String() string {
	if z.value.kind == valueString {
		return z.value.text
	}
	return z.value.String()
}

// MarshalJSON encodes z as it was given. The zero Zone encodes as null.
func (z Zone) MarshalJSON() ([]byte, error) { return z.value.MarshalJSON() }

// UnmarshalJSON accepts a string and {"var": path}. null leaves z unchanged.
func (z *Zone) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	var text string
	if json.Unmarshal(data, &text) == nil {
		*z = ZoneOf(text)
		return nil
	}
	var reference map[string]string
	if json.Unmarshal(data, &reference) == nil && len(reference) == 1 {
		if path, ok := reference["var"]; ok {
			*z = ZoneAt(path)
			return nil
		}
	}
	return errors.New(`a zone is the name of a time zone, such as "Europe/Berlin", "contact", or {"var": "path"}`)
}

// ZoneOptions are how steps find the time zone of a contact.
type ZoneOptions struct {
	// Property is the name of the contact's property that holds the name of its time zone,
	// such as "Europe/Berlin". The default is "timezone".
	Property string
	// Default is the name of the zone of steps that name none, and of contacts without one.
	// Empty means "UTC".
	Default string
}

// withDefaults returns o with defaults in its empty fields.
func (o ZoneOptions) withDefaults() ZoneOptions {
	if o.Property == "" {
		o.Property = "timezone"
	}
	if o.Default == "" {
		o.Default = "UTC"
	}
	return o
}

// path returns the path to the zone of a contact.
func (o ZoneOptions) path() string { return "contact.properties." + o.Property }
