// Package observe measures a Runner: rates, latencies, failures, leases, and how long the
// store takes. It has no dependencies. The packages below it pass the measurements on:
//
//   - observe/prometheus is a collector of Prometheus
//   - observe/otel is metrics and traces of OpenTelemetry
//   - observe/slog logs what happens
//
// A program uses one of them, and does not need this package. A backend of your own is a
// Recorder:
//
//	metrics := observe.New(recorder, observe.Options{})
//	runner, err := automation.New(metrics.Store(store), metrics.Mailer(mailer), automation.Options{Observer: metrics})
//	…
//	metrics.Read(observe.Sources{Lag: runner.Lag, Health: runner.Health})
//
// Each of the three parts works alone. As the Observer, a Metrics counts events, runs and
// steps. Its Store measures each call of the store, the sizes of batches, and leases. Its
// Mailer measures each attempt to send an email. Read adds gauges of what waits in the
// store.
//
// All returns the metrics. Their labels have few values: ids of automations, and types,
// statuses and codes that the library defines. No label and no value has personal data, the
// id of a contact or of a run, or the name of an event, which a client of an API may choose.
//
// # What is counted where
//
// Each process counts what its own Runner does, so the sum over all processes is the whole.
// The gauges that Read adds are about the store, which all processes share: every process
// reports the same, so take the maximum. An event that is sent with the function
// automation.Send or with Runner.SendTo is not counted as accepted, because its transaction
// may be rolled back. It is counted when a Runner handles it. A process that dies between a
// commit and its notices counts a little less than it did.
//
// A Metrics never waits for a backend or for the store while a Runner calls it, and does not
// panic.
package observe
