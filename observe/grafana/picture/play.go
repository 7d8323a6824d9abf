package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/observe"
	"github.com/seed-b636437c/automation/observe/grafana"
	promobserve "github.com/seed-b636437c/automation/observe/prometheus"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

// The parts of the time in which something goes wrong.
const (
	outageFrom, outageUntil   = .30, .38 // of the mailer
	stoppedFrom, stoppedUntil = .68, .74 // of both Runners
)

// play lets Runners work, and scrapes them into h.
func play(ctx context.Context, h *grafana.History, duration, every time.Duration) error {
	dir, err := os.MkdirTemp("", "picture")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	m := &mailer{}
	nodes := make([]*node, 2)
	for i := range nodes {
		if nodes[i], err = newNode(ctx, fmt.Sprintf("node-%d", i+1), filepath.Join(dir, "automation.db"), m); err != nil {
			return err
		}
		defer nodes[i].close()
	}
	for _, a := range flows() {
		if _, err := nodes[0].runner.Apply(ctx, a); err != nil {
			return err
		}
	}
	began := time.Now()
	for next := began; ; next = next.Add(every) {
		part := float64(time.Since(began)) / float64(duration)
		if part >= 1 {
			return nil
		}
		m.down.Store(part >= outageFrom && part < outageUntil)
		for _, n := range nodes {
			n.serve(ctx, part < stoppedFrom || part >= stoppedUntil)
			if err := h.Scrape(ctx, n.url, n.name, time.Now()); err != nil {
				return err
			}
		}
		for time.Until(next.Add(every)) > 0 {
			if err := send(ctx, nodes[rand.IntN(len(nodes))].runner, part); err != nil {
				return err
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
}

// send sends some events, more or fewer over time.
func send(ctx context.Context, r *automation.Runner, part float64) error {
	rate := 1.5 + math.Sin(part*12) + rand.Float64()
	var events []automation.Event
	for range int(rate + rand.Float64()) {
		n := rand.IntN(3000)
		name := []string{"user.created", "order.placed", "order.placed", "order.paid", "page.seen"}[rand.IntN(5)]
		events = append(events, automation.Event{
			Name: name, Email: fmt.Sprintf("%d@example.com", n), Payload: automation.Payload(map[string]any{"total": n}),
		})
	}
	_, err := r.Send(ctx, events...)
	return err
}

// mailer takes some time for each email, and refuses a few.
type mailer struct{ down atomic.Bool }

// SendEmail implements automation.Mailer.
func (m *mailer) SendEmail(ctx context.Context, _ automation.Email) (string, error) {
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case <-time.After(time.Duration(20e6 * math.Exp(rand.NormFloat64()))):
	}
	switch dice := rand.Float64(); {
	case m.down.Load():
		return "", errors.New("connection refused")
	case dice < .01:
		return "", automation.Permanent(errors.New("no such mailbox"))
	case dice < .03:
		return "", &automation.RateLimitError{After: time.Second}
	}
	return "sent", nil
}

// node is what one process has.
type node struct {
	name, url string
	store     *sqlitefile.Store
	runner    *automation.Runner
	server    *http.Server
	stop      func() // nil while the Runner does not run
}

func newNode(ctx context.Context, name, file string, m automation.Mailer) (*node, error) {
	store, err := sqlitefile.Open(ctx, file)
	if err != nil {
		return nil, err
	}
	metrics, err := promobserve.New(promobserve.Options{})
	if err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics)
	n := &node{name: name, store: store, server: &http.Server{
		Handler: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), ReadHeaderTimeout: time.Second,
	}}
	n.runner, err = automation.New(metrics.Store(store), metrics.Mailer(m), automation.Options{
		Observer: metrics, Retry: automation.RetryPolicy{Initial: 2 * time.Second, MaxAttempts: 6},
	})
	if err != nil {
		return nil, err
	}
	metrics.Read(observe.Sources{Lag: n.runner.Lag, Health: n.runner.Health})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	n.url = "http://" + listener.Addr().String()
	go n.server.Serve(listener)
	return n, nil
}

// serve starts or stops the Runner.
func (n *node) serve(ctx context.Context, on bool) {
	switch {
	case on && n.stop == nil:
		ctx, cancel := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- n.runner.Run(ctx) }()
		n.stop = func() { cancel(); <-ended }
	case !on && n.stop != nil:
		n.stop()
		n.stop = nil
	}
}

func (n *node) close() {
	n.serve(context.Background(), false)
	n.server.Close()
	n.store.Close()
}

// flows are the automations, whose pauses are short.
func flows() []automation.Automation {
	email := func(key string) automation.Step {
		return automation.Step{Key: key, Config: automation.SendEmail{Template: automation.TemplateRef{ID: key}}}
	}
	return []automation.Automation{
		{
			ID: "welcome", Name: "Welcome",
			Steps: []automation.Step{
				{Key: "signup", Config: automation.Trigger{EventName: "user.created"}}, email("hello"),
				{Key: "pause", Config: automation.Delay{Duration: automation.MustParseDuration("10 seconds")}}, email("tips"),
				{Key: "join", Config: automation.AddToSegment{SegmentID: "welcomed"}},
			},
			Connections: []automation.Connection{{From: "signup", To: "hello"}, {From: "hello", To: "pause"}, {From: "pause", To: "tips"}, {From: "tips", To: "join"}},
		},
		{
			ID: "payment", Name: "Payment recovery",
			Steps: []automation.Step{
				{Key: "order", Config: automation.Trigger{EventName: "order.placed"}},
				{Key: "wait", Config: automation.WaitForEvent{EventName: "order.paid", Timeout: automation.MustParseDuration("20 seconds")}},
				email("thanks"), email("reminder"),
			},
			Connections: []automation.Connection{
				{From: "order", To: "wait"}, {From: "wait", To: "thanks", Type: automation.ConnectionEventReceived},
				{From: "wait", To: "reminder", Type: automation.ConnectionTimeout},
			},
		},
	}
}
