// Package grafana has a dashboard for the metrics of observe/prometheus, which are those of
// observe/otel behind an exporter for Prometheus. The file automation.json is the dashboard.
// The code tests it with the query engine of Prometheus, and draws a picture of it.
//
// The package is a module of its own, so that Prometheus is no dependency of the library.
package grafana
