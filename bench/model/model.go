// Package model computes what runs in progress cost on a store, from what was measured on it.
package model

import (
	"fmt"
	"math"
	"time"

	"github.com/seed-b636437c/automation/bench/figures"
)

// Load is what the runs in progress do.
type Load struct {
	// Sleep is how long a run sleeps, on average. A run of the model begins, sleeps once, wakes,
	// sends an email and ends.
	Sleep time.Duration
	// Peak is how many times more runs than on average wake in the busiest second.
	Peak float64
}

// Store is what was measured of a store.
type Store struct {
	Name string
	// Begin and Wake are the core-seconds of a run that begins to sleep, and of one that wakes, sends
	// an email and ends: those of all processes, including databases, servers and senders.
	Begin, Wake float64
	// Disk are the bytes on one server, Catalog those in the catalog of an engine, and Memory those
	// that a server keeps in its heap.
	Disk, Catalog, Memory Line
	// Largest is the largest number of sleeping runs that was measured.
	Largest float64
}

// Line is a quantity that grows with the number of runs.
type Line struct {
	Fixed, PerRun float64
	// Error is the largest difference between the line and a measured point, as a share of the
	// point.
	Error float64
}

// At returns the quantity for a number of runs.
func (l Line) At(runs float64) float64 { return max(0, l.Fixed+l.PerRun*runs) }

// Fit returns the line with the least squares of relative errors, so that small sizes count as much as
// large ones. One point gives a line through zero, and no point gives zero.
func Fit(points []figures.Point) Line {
	var l Line
	if len(points) == 1 {
		l.PerRun = points[0].Y / points[0].X
		return l
	}
	var w, wx, wy, wxx, wxy float64
	for _, p := range points {
		weight := 1 / (p.Y * p.Y)
		w += weight
		wx += weight * p.X
		wy += weight * p.Y
		wxx += weight * p.X * p.X
		wxy += weight * p.X * p.Y
	}
	if d := w*wxx - wx*wx; d != 0 {
		l.PerRun = (w*wxy - wx*wy) / d
		l.Fixed = (wy - l.PerRun*wx) / w
	}
	for _, p := range points {
		l.Error = max(l.Error, math.Abs(l.At(p.X)-p.Y)/p.Y)
	}
	return l
}

// Cost is what a number of runs in progress takes.
type Cost struct {
	Runs float64
	// Wakes is how many runs wake a second, on average.
	Wakes float64
	// Cores are those for the peak.
	Cores float64
	// Disk, Catalog and Memory are bytes: see Store.
	Disk, Catalog, Memory float64
	// Extrapolated is whether more runs sleep than were measured.
	Extrapolated bool
}

// Cost returns what a number of runs in progress takes under a load.
func (s Store) Cost(l Load, runs float64) Cost {
	wakes := runs / l.Sleep.Seconds()
	return Cost{
		Runs: runs, Wakes: wakes, Cores: l.Peak * wakes * (s.Begin + s.Wake),
		Disk: s.Disk.At(runs), Catalog: s.Catalog.At(runs), Memory: s.Memory.At(runs),
		Extrapolated: runs > s.Largest,
	}
}

// Measured returns what a file of figures has about a store. The error names what the file lacks.
func Measured(f figures.Figures, store string) (Store, error) {
	s := Store{Name: store}
	key := figures.Key{Work: "W7", Engine: "automation", Store: store}
	curve := func(unit string) []figures.Point {
		k := key
		k.Unit = unit
		points := f.Curve(k)
		for i := range points {
			points[i].Y *= 1e6
		}
		return points
	}
	disk := curve("disk-MB")
	if len(disk) < 2 {
		return s, fmt.Errorf("model: there are fewer than two sizes of W7 on %s", store)
	}
	s.Disk, s.Catalog, s.Memory = Fit(disk), Fit(curve("catalog-MB")), Fit(curve("server-heap-MB"))
	s.Largest = disk[len(disk)-1].X
	var cores float64
	if _, err := fmt.Sscan(f.Head["cores"], &cores); err != nil {
		return s, fmt.Errorf("model: number of cores: %w", err)
	}
	key.Unit, key.X = "made/s", s.Largest
	begun, ok := f.Median(key)
	woken, wakes := f.Median(figures.Key{Work: "W4", Engine: "automation", Store: store, Unit: "timers/s"})
	if !ok || !wakes {
		return s, fmt.Errorf("model: there are no timers of W4 on %s", store)
	}
	s.Begin, s.Wake = cores/begun, cores/woken
	return s, nil
}
