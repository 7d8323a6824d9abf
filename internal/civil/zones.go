package civil

import (
	"sync"
	"time"
)

const (
	// maxZoneName is longer than every name that IANA lists.
	maxZoneName = 64
	// maxZones bounds how many names are remembered of those that exist, and of those that
	// do not. It is more than IANA lists.
	maxZones = 1024
)

// Zones is a table of time zones by name. It loads a zone once, and also remembers which
// names do not exist, so that it can be asked for whatever a contact holds. The zero Zones
// is ready to use, and safe for concurrent use.
type Zones struct {
	load func(name string) (*time.Location, error) // nil means time.LoadLocation

	mu      sync.Mutex
	loaded  map[string]*time.Location
	missing map[string]*ZoneError
}

// Load returns the zone with a name that IANA lists. "", "Local", and offsets such as
// "+02:00" are no names of zones. An error is a *ZoneError.
func (z *Zones) Load(name string) (*time.Location, error) {
	if len(name) > maxZoneName || !mayBeZone(name) {
		return nil, &ZoneError{Name: name}
	}
	if loc, missing := z.remembered(name); loc != nil {
		return loc, nil
	} else if missing != nil {
		return nil, missing
	}
	loc, err := z.read(name)
	if err != nil {
		missing := &ZoneError{Name: name, Listed: loadZoneNames().listed[name], NoData: !z.HasData()}
		return nil, remember(z, &z.missing, name, missing)
	}
	return remember(z, &z.loaded, name, loc), nil
}

// HasData reports whether this process has time zone data. A program has none on a system
// without any, unless it imports time/tzdata.
func (z *Zones) HasData() bool {
	// UTC needs no data under its short name.
	_, err := z.read("Etc/UTC")
	return err == nil
}

func (z *Zones) read(name string) (*time.Location, error) {
	if z.load != nil {
		return z.load(name)
	}
	return time.LoadLocation(name)
}

func (z *Zones) remembered(name string) (*time.Location, *ZoneError) {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.loaded[name], z.missing[name]
}

// remember puts value into the table and returns it, or what another goroutine has put
// there meanwhile. A full table is emptied: what is needed is soon there again.
func remember[V any](z *Zones, table *map[string]V, name string, value V) V {
	z.mu.Lock()
	defer z.mu.Unlock()
	if earlier, ok := (*table)[name]; ok {
		return earlier
	}
	if *table == nil || len(*table) >= maxZones {
		*table = map[string]V{}
	}
	(*table)[name] = value
	return value
}
