package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/health"
	"github.com/seed-b636437c/automation/httpapi"
)

// server runs automations, and serves the API and pages.
type server struct {
	runner    *automation.Runner
	api       http.Handler
	pages     map[string]http.Handler // by path
	dashboard http.Handler
	stopJobs  func()    // that people started on the dashboard
	audience  *audience // may be nil
}

// retention is how long ended runs, handled events and copies of emails are kept.
const retention = 90 * 24 * time.Hour

func newServer(store automation.Store, mailer *printer, key string, logger *slog.Logger) (*server, error) {
	runner, err := automation.New(store, mailer, automation.Options{Retention: retention, Logger: logger})
	if err != nil {
		return nil, err
	}
	api, err := httpapi.New(runner, httpapi.Options{
		Keys:      []httpapi.Key{{Name: "cli", Hash: httpapi.HashKey(key)}},
		Contacts:  true,
		Templates: mailer.templates,
		Logger:    logger,
	})
	if err != nil {
		return nil, err
	}
	ready, err := health.New(runner, health.Options{NeedsRun: true, Logger: logger})
	if err != nil {
		return nil, err
	}
	pages, stopJobs, err := newDashboard(runner, mailer, key, logger)
	return &server{runner: runner, api: api, dashboard: pages, stopJobs: stopJobs, pages: map[string]http.Handler{
		"/":       http.RedirectHandler(dashboardPath, http.StatusSeeOther),
		"/readyz": ready,
		"/livez":  http.HandlerFunc(health.Live),
	}}, err
}

// ServeHTTP serves a page or the API. An http.ServeMux would redirect the requests for
// //automations of a client whose base URL ends in a slash.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	handler, ok := s.pages[r.URL.Path]
	switch {
	case ok:
	case strings.HasPrefix(r.URL.Path, dashboardPath):
		handler = s.dashboard
	default:
		handler = s.api
	}
	handler.ServeHTTP(w, r)
}

// serve runs the automations and the web server side by side, until ctx ends or
// one of them fails.
func (s *server) serve(ctx context.Context, listener net.Listener) error {
	defer s.stopJobs()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	web := &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute}
	served := make(chan error, 1)
	go func() {
		defer cancel() // the Runner must not run without the web server
		served <- web.Serve(listener)
	}()
	came := make(chan error, 1)
	go func() { came <- s.audience.come(ctx) }()
	running := s.runner.Run(ctx)
	// Shutdown answers the requests in progress. The events that they send are stored,
	// and handled after the next start.
	stopping, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	return errors.Join(unless(running, context.Canceled), <-came, web.Shutdown(stopping), unless(<-served, http.ErrServerClosed))
}

// unless returns err, or nil if err is the expected one.
func unless(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}
