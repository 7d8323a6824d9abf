// Package figures reads the files of figures that bench writes with -out.
package figures

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Figures are the figures of a file.
type Figures struct {
	Head  map[string]string // such as cpu and date
	byKey map[Key][]float64
}

// Key names a figure. X is the number of the label, such as how many runs wait, and 0 without one.
type Key struct {
	Work, Engine, Store string
	X                   float64
	Unit                string
}

// Point is a median.
type Point struct{ X, Y float64 }

// Open reads a file.
func Open(path string) (Figures, error) {
	file, err := os.Open(path)
	if err != nil {
		return Figures{}, err
	}
	defer file.Close()
	return Read(file)
}

// Read reads the lines of a file. The error names a line that is no figure, and reports a file
// without figures.
func Read(r io.Reader) (Figures, error) {
	f := Figures{Head: map[string]string{}, byKey: map[Key][]float64{}}
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

func (f Figures) line(text string) error {
	if name, value, ok := strings.Cut(text, ": "); ok {
		f.Head[name] = value
		return nil
	}
	fields := strings.Fields(text)
	if len(fields) < 4 || !strings.Contains(fields[0], "/engine=automation") {
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
		k.Unit = fields[i+1]
		f.byKey[k] = append(f.byKey[k], v)
	}
	return nil
}

// parseName parses BenchmarkW3/engine=automation/store=sqlite/waiting=1000. It returns false for
// a name of another form.
func parseName(name string) (Key, bool) {
	parts := strings.Split(name, "/")
	if len(parts) < 3 || len(parts) > 4 {
		return Key{}, false
	}
	k := Key{Work: strings.TrimPrefix(parts[0], "Benchmark")}
	_, k.Engine, _ = strings.Cut(parts[1], "=")
	_, k.Store, _ = strings.Cut(parts[2], "=")
	if len(parts) == 3 {
		return k, true
	}
	_, number, _ := strings.Cut(parts[3], "=")
	var err error
	k.X, err = strconv.ParseFloat(number, 64)
	return k, err == nil
}

// Median returns the median of a figure over the rounds, and false if it was not measured.
func (f Figures) Median(k Key) (float64, bool) {
	ys := slices.Sorted(slices.Values(f.byKey[k]))
	if len(ys) == 0 {
		return 0, false
	}
	return ys[len(ys)/2], true
}

// Curve returns the medians of a unit by X, which k leaves out, in the order of X.
func (f Figures) Curve(k Key) []Point {
	var points []Point
	for other := range f.byKey {
		k.X = other.X
		if other == k {
			y, _ := f.Median(k)
			points = append(points, Point{k.X, y})
		}
	}
	slices.SortFunc(points, func(a, b Point) int { return int(a.X - b.X) })
	return points
}
