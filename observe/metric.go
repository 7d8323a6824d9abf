package observe

import (
	"slices"
	"strings"
)

// Kind is the kind of a metric.
type Kind string

// The kinds of a Metric.
const (
	Counter   Kind = "counter"
	Histogram Kind = "histogram"
	Gauge     Kind = "gauge"
)

// Metric describes one metric.
type Metric struct {
	// Name is the name as OpenTelemetry has it, such as automation.events.accepted.
	Name string
	Kind Kind
	// Unit is "s" for seconds, or what is counted in braces, such as {event}.
	Unit string
	Help string
	// Labels are the names of the labels, in the order in which a Recorder gets their
	// values.
	Labels []string
	// Buckets are the upper bounds of a histogram's buckets, in increasing order.
	Buckets []float64
}

// PrometheusName returns the name as Prometheus has it, such as
// automation_events_accepted_total. It is the name that OpenTelemetry's exporter for
// Prometheus makes of Name, Unit and Kind.
func (m *Metric) PrometheusName() string {
	name := strings.ReplaceAll(m.Name, ".", "_")
	if m.Unit == "s" {
		name += "_seconds"
	}
	if m.Kind == Counter {
		name += "_total"
	}
	return name
}

// All returns all metrics. The caller must not change what the pointers point to.
func All() []*Metric { return slices.Clone(all) }

var all = []*Metric{
	eventsAccepted, eventsHandled, eventHandling,
	runsStarted, runsEnded,
	stepsEnded, stepDuration, stepFailures,
	emailAttempt,
	storeCall, batchSize,
	leaseChanges, leasesHeld,
	lag, pendingEvents, dueRuns, validLeases, expiredLeases, runsSetAside, gaugeFailures,
}

var (
	eventsAccepted = &Metric{
		Name: "automation.events.accepted", Kind: Counter, Unit: "{event}",
		Help: "Events that Runner.Send accepted.",
	}
	eventsHandled = &Metric{
		Name: "automation.events.handled", Kind: Counter, Unit: "{event}", Labels: []string{"outcome"},
		Help: "Events that were handled. The outcome is started or resumed if the event started or resumed runs, and none otherwise.",
	}
	eventHandling = &Metric{
		Name: "automation.event.handling.duration", Kind: Histogram, Unit: "s", Buckets: latencies,
		Help: "Time from the acceptance of an event until it is handled.",
	}
	runsStarted = &Metric{
		Name: "automation.runs.started", Kind: Counter, Unit: "{run}", Labels: []string{"automation"},
		Help: "Runs that started.",
	}
	runsEnded = &Metric{
		Name: "automation.runs.ended", Kind: Counter, Unit: "{run}", Labels: []string{"automation", "status"},
		Help: "Runs that are completed, failed or cancelled. A run that is retried ends again.",
	}
	stepsEnded = &Metric{
		Name: "automation.steps.ended", Kind: Counter, Unit: "{step}", Labels: []string{"automation", "type", "status"},
		Help: "Steps that are completed, failed, skipped or cancelled.",
	}
	stepDuration = &Metric{
		Name: "automation.step.duration", Kind: Histogram, Unit: "s", Labels: []string{"type"}, Buckets: waits,
		Help: "Time from the start of a step until its end, with all attempts and back-offs.",
	}
	stepFailures = &Metric{
		Name: "automation.step.failures", Kind: Counter, Unit: "{failure}", Labels: []string{"automation", "type", "code", "outcome"},
		Help: "Failures by code. The outcome is retried for an attempt that is tried again, and failed for the failure that ended its step.",
	}
	emailAttempt = &Metric{
		Name: "automation.email.attempt.duration", Kind: Histogram, Unit: "s", Labels: []string{"result"}, Buckets: latencies,
		Help: "Duration of one call of the Mailer. The result is sent, failed, permanent, rate_limited or unknown.",
	}
	storeCall = &Metric{
		Name: "automation.store.call.duration", Kind: Histogram, Unit: "s", Labels: []string{"method", "result"}, Buckets: latencies,
		Help: "Duration of one call of the Store. The result is ok, refused (such as not found), cancelled or failed.",
	}
	batchSize = &Metric{
		Name: "automation.store.batch.size", Kind: Histogram, Unit: "{item}", Labels: []string{"method"}, Buckets: sizes,
		Help: "Size of a batch: the contacts of a Claim that found any, the transitions of a Commit, the events of AppendEvents.",
	}
	leaseChanges = &Metric{
		Name: "automation.lease.changes", Kind: Counter, Unit: "{lease}", Labels: []string{"change"},
		Help: "Leases that this process claimed, released or lost. A lease is lost if another process claimed the contact since.",
	}
	leasesHeld = &Metric{
		Name: "automation.leases.held", Kind: Gauge, Unit: "{lease}",
		Help: "Leases that this process holds.",
	}
	lag = &Metric{
		Name: "automation.lag", Kind: Gauge, Unit: "s",
		Help: "How long the oldest work in the store is due that no process works on. The same in every process.",
	}
	pendingEvents = healthGauge("automation.pending.events", "{event}", "Accepted events in the store that are not handled.")
	dueRuns       = healthGauge("automation.due.runs", "{run}", "Runs in the store that are due.")
	validLeases   = healthGauge("automation.leases.valid", "{lease}", "Valid leases in the store, of all processes.")
	expiredLeases = healthGauge("automation.leases.expired", "{lease}", "Leases in the store that expired with work left, because their process died or stalled.")
	runsSetAside  = healthGauge("automation.runs.set_aside", "{run}", "Runs in the store that were set aside, because a process could not decode them.")
	gaugeFailures = &Metric{
		Name: "automation.gauge.failures", Kind: Counter, Unit: "{failure}", Labels: []string{"source"},
		Help: "Failures to read a source of gauges: lag or health. The gauges of the source are missing meanwhile.",
	}
)

func healthGauge(name, unit, help string) *Metric {
	return &Metric{Name: name, Kind: Gauge, Unit: unit, Help: help + " The same in every process."}
}

// The bounds of the histograms: of what takes milliseconds, of steps, which may wait for a
// month, and of batches.
var (
	latencies = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}
	waits     = []float64{.01, .1, .5, 1, 5, 10, 30, 60, 120, 300, 600, hour, 6 * hour, day, 3 * day, 7 * day, 14 * day, 30 * day}
	sizes     = []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}
)

const (
	hour = 3600.
	day  = 24 * hour
)
