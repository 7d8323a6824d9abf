package observe

import (
	"sync"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/options"
)

// Recorder passes measurements on to a backend. Its methods are safe for concurrent use,
// and do not block. The values of the labels are in the order of Metric.Labels. The
// Recorder may not keep the slice.
type Recorder interface {
	// Add adds n to a counter.
	Add(m *Metric, n int, labels ...string)
	// Record adds a value to a histogram.
	Record(m *Metric, value float64, labels ...string)
}

// Options configure a Metrics. The zero value works.
type Options struct {
	// Automations is how many automations have a label of their own: the first ones
	// that are measured. All others share the label "other". It keeps an application
	// that makes automations without end from making metrics without end. The default
	// is 1000.
	Automations int
}

// OtherAutomations is the label of the automations beyond Options.Automations.
const OtherAutomations = "other"

// Metrics measures a Runner. All methods are safe for concurrent use.
type Metrics struct {
	recorder    Recorder
	automations labelSet
	leases      leaseBook
	sources     sourceBox
}

var _ automation.Observer = (*Metrics)(nil)

// New returns a Metrics that passes its measurements to r. The error is a
// *automation.ValidationError if r is nil or an option is negative.
func New(r Recorder, opts Options) (*Metrics, error) {
	var problems automation.Problems
	check := options.New(&problems, automation.CodeInvalidOption)
	check.Required("recorder", r)
	check.Count("Automations", &opts.Automations, 1000)
	if err := problems.Err("options"); err != nil {
		return nil, err
	}
	return &Metrics{recorder: r, automations: labelSet{limit: opts.Automations}}, nil
}

// labelSet holds the values of a label, whose number it bounds.
type labelSet struct {
	limit int

	mu   sync.RWMutex // guards seen
	seen map[string]bool
}

// label returns value, or OtherAutomations if there are too many values already.
func (s *labelSet) label(value string) string {
	s.mu.RLock()
	known := s.seen[value]
	s.mu.RUnlock()
	if known {
		return value
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) >= s.limit && !s.seen[value] {
		return OtherAutomations
	}
	if s.seen == nil {
		s.seen = map[string]bool{}
	}
	s.seen[value] = true
	return value
}
