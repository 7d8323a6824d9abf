package observe_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/observe"
)

// journal is a Recorder that remembers.
type journal struct {
	mu     sync.Mutex
	counts map[string]int
	values map[string][]float64
}

func (j *journal) Add(m *observe.Metric, n int, labels ...string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.counts == nil {
		j.counts = map[string]int{}
	}
	j.counts[key(m, labels)] += n
}

func (j *journal) Record(m *observe.Metric, value float64, labels ...string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.values == nil {
		j.values = map[string][]float64{}
	}
	j.values[key(m, labels)] = append(j.values[key(m, labels)], value)
}

func key(m *observe.Metric, labels []string) string {
	if len(labels) != len(m.Labels) {
		panic(fmt.Sprintf("%s got %d labels", m.Name, len(labels)))
	}
	return strings.Join(append([]string{strings.TrimPrefix(m.Name, "automation.")}, labels...), " ")
}

// lines returns the counters whose names begin with one of the prefixes.
func (j *journal) lines(prefixes ...string) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(j.counts)) {
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			lines = append(lines, fmt.Sprintf("%s: %d", name, j.counts[name]))
		}
	}
	return lines
}

// of returns the values of a histogram.
func (j *journal) of(name string) []float64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.values[name])
}

// keys returns the names and labels of everything that was measured.
func (j *journal) keys() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Concat(slices.Collect(maps.Keys(j.counts)), slices.Collect(maps.Keys(j.values)))
}

// measured returns a World whose Runner is measured.
func measured(t *testing.T, opts observe.Options) (*world.World, *observe.Metrics, *journal) {
	t.Helper()
	j := &journal{}
	m, err := observe.New(j, opts)
	require.NoError(t, err)
	w := world.New(t, automation.Options{Observer: m})
	w.Runner, err = automation.New(m.Store(w.Store), m.Mailer(w.Mailer), w.Opts)
	require.NoError(t, err)
	return w, m, j
}

// gauges returns all gauges that have a value.
func gauges(t *testing.T, m *observe.Metrics) map[string]float64 {
	t.Helper()
	values := map[string]float64{}
	m.Gauges(t.Context(), func(g *observe.Metric, value float64) { values[key(g, nil)] = value })
	return values
}
