package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// figures are the figures of this library, by work, store, number and unit.
type figures struct {
	head  map[string]string // such as cpu and date
	byKey map[key][]float64
}

// key names a figure. X is the number of runs that wait, or of nodes.
type key struct {
	work, store string
	x           float64
	unit        string
}

// read reads the lines of a file of figures. It leaves out the lines of the peers.
func read(r io.Reader) (figures, error) {
	f := figures{head: map[string]string{}, byKey: map[key][]float64{}}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if err := f.line(lines.Text()); err != nil {
			return f, err
		}
	}
	if err := lines.Err(); err != nil {
		return f, err
	}
	if len(f.byKey) == 0 {
		return f, fmt.Errorf("there are no figures of this library in the file: run bench with -out")
	}
	return f, nil
}

func (f figures) line(text string) error {
	if name, value, ok := strings.Cut(text, ": "); ok {
		f.head[name] = value
		return nil
	}
	fields := strings.Fields(text)
	if len(fields) < 4 || !ours(fields[0]) {
		return nil
	}
	k, ok := parseName(fields[0])
	if !ok {
		return nil
	}
	for i := 2; i+1 < len(fields); i += 2 {
		v, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return fmt.Errorf("%q: %w", text, err)
		}
		k.unit = fields[i+1]
		f.byKey[k] = append(f.byKey[k], v)
	}
	return nil
}

// ours reports whether a benchmark is this library's and is drawn. Work W1 is drawn only if
// several processes do it.
func ours(name string) bool {
	return strings.Contains(name, "/engine=automation-nodes/") ||
		strings.Contains(name, "/engine=automation/") && !strings.HasPrefix(name, "BenchmarkW1/")
}

// parseName parses BenchmarkW3/engine=automation/store=sqlite/waiting=1000. It
// returns false for a name without a number.
func parseName(name string) (key, bool) {
	parts := strings.Split(name, "/")
	if len(parts) != 4 {
		return key{}, false
	}
	_, store, _ := strings.Cut(parts[2], "=")
	_, number, _ := strings.Cut(parts[3], "=")
	x, err := strconv.ParseFloat(number, 64)
	return key{work: strings.TrimPrefix(parts[0], "Benchmark"), store: store, x: x}, err == nil
}

// point is a median.
type point struct{ x, y float64 }

// curve returns the medians of a unit, in the order of the number.
func (f figures) curve(work, store, unit string) []point {
	var points []point
	for k, ys := range f.byKey {
		if k.work == work && k.store == store && k.unit == unit {
			slices.Sort(ys)
			points = append(points, point{k.x, ys[len(ys)/2]})
		}
	}
	slices.SortFunc(points, func(a, b point) int { return int(a.x - b.x) })
	return points
}
