package civil

import (
	"archive/zip"
	"errors"
	"fmt"
	"go/build"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestZones_LoadWhatIANALists(t *testing.T) {
	t.Parallel()
	var zones Zones
	for _, name := range []string{"Europe/Berlin", "America/Argentina/ComodRivadavia", "UTC", "Etc/GMT+5", "US/Pacific"} {
		loc, err := zones.Load(name)
		require.NoError(t, err)
		assert.Equal(t, name, loc.String())
		again, err := zones.Load(name)
		require.NoError(t, err)
		assert.Same(t, loc, again)
	}
	assert.True(t, zones.HasData())
}

func TestZones_Refuse(t *testing.T) {
	t.Parallel()
	var zones Zones
	for name, want := range map[string]string{
		"":                       `"" is no time zone: write a name that IANA lists`,
		"Local":                  `"Local" is no time zone: write a name that IANA lists`,
		"+02:00":                 `"+02:00" is no time zone: write a name that IANA lists`,
		"UTC+2":                  `"UTC+2" is no time zone: write a name that IANA lists`,
		"GMT+2":                  `"GMT+2" is no time zone: write a name that IANA lists`,
		"PST":                    `"PST" is no time zone: write a name that IANA lists`,
		"Europe/Berln":           `"Europe/Berln" is no time zone: did you mean "Europe/Berlin"?`,
		"europe/berlin":          `"europe/berlin" is no time zone: did you mean "Europe/Berlin"?`,
		"New York":               `"New York" is no time zone: did you mean "America/New_York"?`,
		"right/Europe/Berlin":    `"right/Europe/Berlin" is no time zone`,
		"posixrules":             `"posixrules" is no time zone`,
		"Europe":                 `"Europe" is no time zone`,
		"Europe/":                `"Europe/" is no time zone`,
		"Europe//Berlin":         `"Europe//Berlin" is no time zone`,
		"Europe/./Berlin":        `"Europe/./Berlin" is no time zone`,
		"Europe/../Asia/Tokyo":   `"Europe/../Asia/Tokyo" is no time zone`,
		" Europe/Berlin":         `" Europe/Berlin" is no time zone`,
		strings.Repeat("A", 1e6): `AAA"… is no time zone`,
	} {
		for range 2 {
			loc, err := zones.Load(name)
			require.ErrorContains(t, err, want)
			assert.Nil(t, loc)
			var zoneError *ZoneError
			require.ErrorAs(t, err, &zoneError)
			assert.Equal(t, name, zoneError.Name)
		}
	}
}

func TestZones_LoadEachNameOnce(t *testing.T) {
	t.Parallel()
	calls := map[string]int{}
	zones := Zones{load: func(name string) (*time.Location, error) {
		calls[name]++
		if name == "Europe/Atlantis" {
			return nil, errors.New("unknown")
		}
		return time.FixedZone(name, 0), nil
	}}
	for range 3 {
		_, err := zones.Load("Europe/Berlin")
		require.NoError(t, err)
		_, err = zones.Load("Europe/Atlantis")
		require.Error(t, err)
		_, err = zones.Load("+02:00")
		require.Error(t, err)
	}
	assert.Equal(t, map[string]int{"Europe/Berlin": 1, "Europe/Atlantis": 1, "Etc/UTC": 1}, calls)
}

func TestZones_NewerThanTheList(t *testing.T) {
	t.Parallel()
	zones := Zones{load: func(name string) (*time.Location, error) { return time.FixedZone(name, 0), nil }}
	for name, accepted := range map[string]bool{
		"America/New_Town": true, "America/New_Town/North-East": true, "America/new_york": false, "Mars/Olympus": false, "America/..": false,
	} {
		_, err := zones.Load(name)
		assert.Equal(t, accepted, err == nil, name)
	}
}

func TestZones_WithoutData(t *testing.T) {
	t.Parallel()
	none := Zones{load: func(string) (*time.Location, error) { return nil, errors.New("no data") }}
	assert.False(t, none.HasData())
	_, err := none.Load("Europe/Berlin")
	assert.EqualError(t, err, `time zone "Europe/Berlin" cannot be loaded, because this process has no time zone data: `+
		`import _ "time/tzdata", or install the zone data of the system`)

	old := Zones{load: func(name string) (*time.Location, error) {
		if name == "America/Coyhaique" {
			return nil, errors.New("older than 2025")
		}
		return time.LoadLocation(name)
	}}
	_, err = old.Load("America/Coyhaique")
	require.ErrorContains(t, err, `time zone "America/Coyhaique" cannot be loaded, because the time zone data of this process does not have it`)
}

func TestZones_AreBounded(t *testing.T) {
	t.Parallel()
	zones := Zones{load: func(name string) (*time.Location, error) {
		if strings.HasPrefix(name, "Europe/") {
			return time.FixedZone(name, 0), nil
		}
		return nil, errors.New("unknown")
	}}
	for i := range 3 * maxZones {
		_, err := zones.Load(fmt.Sprintf("Europe/City-%d", i))
		require.NoError(t, err)
		_, err = zones.Load(fmt.Sprintf("Asia/City-%d", i))
		require.Error(t, err)
	}
	assert.LessOrEqual(t, len(zones.loaded), maxZones)
	assert.LessOrEqual(t, len(zones.missing), maxZones)
}

func TestZones_AreSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	var zones Zones
	var wg sync.WaitGroup
	found := make([]*time.Location, 8)
	for i := range found {
		wg.Go(func() {
			for _, name := range []string{"Asia/Tokyo", "Europe/Atlantis", "Local"} {
				if loc, err := zones.Load(name); err == nil {
					found[i] = loc
				}
			}
		})
	}
	wg.Wait()
	for _, loc := range found {
		assert.Same(t, found[0], loc)
	}
}

// The list may be older than the data of Go, but not so old that names are missing which
// the rule for newer names does not cover.
func TestZones_AcceptEveryZoneOfGo(t *testing.T) {
	t.Parallel()
	data, err := zip.OpenReader(filepath.Join(build.Default.GOROOT, "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Skip("this installation of Go has no zone data: ", err)
	}
	defer data.Close()
	for _, file := range data.File {
		if !strings.HasSuffix(file.Name, "/") {
			assert.True(t, mayBeZone(file.Name), file.Name)
		}
	}
}
