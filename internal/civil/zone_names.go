package civil

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/seed-b636437c/automation/internal/nearest"
)

// zoneNamesText has the names that IANA lists, in the release of Go's own zone data, one a
// line.
//
//go:embed zone_names.txt
var zoneNamesText string

// zoneNames is what IANA listed when this package was released.
type zoneNames struct {
	all    []string
	listed map[string]bool
	folded map[string]string // by the name in lower case
	areas  map[string]bool   // "Europe" of "Europe/Berlin"
	cities map[string]string // by "berlin" of "Europe/Berlin"
}

var loadZoneNames = sync.OnceValue(func() zoneNames {
	names := zoneNames{
		all:    strings.Fields(zoneNamesText),
		listed: map[string]bool{}, folded: map[string]string{}, areas: map[string]bool{}, cities: map[string]string{},
	}
	for _, name := range names.all {
		names.listed[name] = true
		names.folded[strings.ToLower(name)] = name
		area, _, ok := strings.Cut(name, "/")
		if !ok {
			continue
		}
		names.areas[area] = true
		if area != "Etc" { // offsets, with the opposite of the usual sign
			names.cities[cityKey(name)] = name
		}
	}
	return names
})

// mayBeZone reports whether name may be the name of a zone. Names that are not listed can
// be newer than the list, but a new zone is in an area that exists, and no name is another
// one in other letters: without that rule, machines whose file names ignore case would
// accept what others refuse. Systems also have files in their zone data that are no zones,
// or zones that count leap seconds; they are in no area.
func mayBeZone(name string) bool {
	names := loadZoneNames()
	if names.listed[name] {
		return true
	}
	area, city, _ := strings.Cut(name, "/")
	return names.areas[area] && isZonePath(city) && names.folded[strings.ToLower(name)] == ""
}

// isZonePath reports whether name has only parts that IANA would give to a zone. Europe/.
// and Europe//Berlin are paths of files, but no names of zones.
func isZonePath(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || strings.Trim(part, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+") != "" {
			return false
		}
	}
	return true
}

// nearestZone returns the listed name that name most likely stands for, or "". It has no
// guess for offsets, and for abbreviations such as PST, which are one letter away from a
// zone that is an hour away.
func nearestZone(name string) string {
	names := loadZoneNames()
	if folded := names.folded[strings.ToLower(name)]; folded != "" {
		return folded
	}
	if city := names.cities[cityKey(name)]; city != "" {
		return city
	}
	if !strings.Contains(name, "/") {
		return ""
	}
	return nearest.Match(name, names.all)
}

// cityKey returns what precedes no slash of name, in the letters of a key: people write
// "New York" for "America/New_York".
func cityKey(name string) string {
	city := name[strings.LastIndexByte(name, '/')+1:]
	return strings.ReplaceAll(strings.ToLower(city), " ", "_")
}
