package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/httpapi"
	"github.com/seed-b636437c/automation/mail/template"
)

// server runs automations and serves the API.
type server struct {
	runner *automation.Runner
	api    http.Handler
}

func newServer(store automation.Store, templates *template.Library, out io.Writer, key string, logger *slog.Logger) (*server, error) {
	runner, err := automation.New(store, newPrinter(out, templates), automation.Options{Logger: logger})
	if err != nil {
		return nil, err
	}
	api, err := httpapi.New(runner, httpapi.Options{
		Keys:      []httpapi.Key{{Name: "cli", Hash: httpapi.HashKey(key)}},
		Contacts:  true,
		Templates: templates,
		Logger:    logger,
	})
	return &server{runner: runner, api: api}, err
}

// serve runs the automations and the web server side by side, until ctx ends or
// one of them fails.
func (s *server) serve(ctx context.Context, listener net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	web := &http.Server{Handler: s.api, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute}
	served := make(chan error, 1)
	go func() {
		defer cancel() // the Runner must not run without the web server
		served <- web.Serve(listener)
	}()
	running := s.runner.Run(ctx)
	// Shutdown answers the requests in progress. The events that they send are stored,
	// and handled after the next start.
	stopping, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	return errors.Join(unless(running, context.Canceled), web.Shutdown(stopping), unless(<-served, http.ErrServerClosed))
}

// unless returns err, or nil if err is the expected one.
func unless(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}
