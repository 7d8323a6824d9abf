package automation

import (
	"time"
)

// clocks is a compiled Zone.
type clocks struct {
	name string // of a literal; "" for none
	ref  *path  // to the name, or nil
	// otherwise applies where there is no zone, or none that this process can load.
	otherwise place
}

// place is a zone as a step reads clocks in it.
type place struct {
	loc    *time.Location
	name   string
	source zoneSource
	given  string // the name of a zone that cannot be loaded
}

// zoneSource is why a step uses the default zone instead of the one that is meant.
type zoneSource string

const (
	zoneMissing zoneSource = "fallback_missing"
	zoneInvalid zoneSource = "fallback_invalid"
)

func (c *compiler) clocks(z Zone) (clocks, error) {
	opts := c.g.opts.Zone.withDefaults()
	loc, err := loadZone(opts.Default)
	if err != nil {
		return clocks{}, err
	}
	compiled := clocks{otherwise: place{loc: loc, name: opts.Default}}
	ref, isRef := z.value.Ref()
	switch {
	case z == ContactZone():
		ref = opts.path()
	case !isRef:
		compiled.name, _ = z.value.Literal().(string)
		return compiled, nil
	}
	p, err := compilePath(ref, c.names)
	if err != nil {
		return clocks{}, err
	}
	c.reads(&p)
	compiled.ref = &p
	return compiled, nil
}

// find returns the zone for a run with this data.
func (c *clocks) find(d *Data) place {
	name := c.name
	if c.ref != nil {
		value, _ := c.ref.resolve(d)
		text, isText := value.(string)
		switch {
		case value == nil || text == "" && isText:
			return c.fallback(zoneMissing, "")
		case !isText:
			return c.fallback(zoneInvalid, "")
		}
		name = text
	}
	if name == "" {
		return c.otherwise
	}
	loc, err := loadZone(name)
	if err != nil {
		return c.fallback(zoneInvalid, name)
	}
	return place{loc: loc, name: name}
}

// maxGiven bounds the name that an output keeps of a zone which cannot be loaded. No zone has
// a longer name.
const maxGiven = 64

func (c *clocks) fallback(source zoneSource, given string) place {
	p := c.otherwise
	p.source = source
	if len(given) <= maxGiven && plain(given) {
		p.given = given
	}
	return p
}

// meant returns the name of the zone that was meant, as far as an output keeps it.
func (p place) meant() string {
	if p.given != "" {
		return p.given
	}
	return p.name
}

// append appends what an output has of the zone, and end.
func (p place) append(b []byte, end byte) []byte {
	b = appendJSON(append(b, `"zone":`...), p.name, ',')
	if p.source != "" {
		b = appendJSON(append(b, `"zone_source":`...), string(p.source), ',')
	}
	if p.given != "" {
		b = appendJSON(append(b, `"zone_given":`...), p.given, ',')
	}
	b[len(b)-1] = end
	return b
}

// appendTimeField appends a time of an output, and a comma.
func appendTimeField(b []byte, name string, t time.Time) []byte {
	b = append(append(append(b, '"'), name...), `":"`...)
	return append(t.AppendFormat(b, timeFormat), `",`...)
}
