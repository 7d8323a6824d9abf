// Package promobserve is a collector of Prometheus for a Runner: rates and latencies of
// events, runs, steps and emails, failures by code, leases, and the calls of the store.
//
//	metrics, err := promobserve.New(promobserve.Options{})
//	…
//	prometheus.MustRegister(metrics)
//	runner, err := automation.New(metrics.Store(store), metrics.Mailer(mailer), automation.Options{Observer: metrics})
//
// Package observe has the list of the metrics, and what each of them counts in which
// process. The folder observe/grafana has a dashboard for them.
//
// A scrape that reads Sources waits for the store, two seconds at most for each source. A
// source that fails leaves its gauges out, and does not fail the scrape.
//
// The package is a module of its own, so that the client of Prometheus is no dependency of
// the library.
package promobserve
