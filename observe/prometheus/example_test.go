package promobserve_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/observe"
	promobserve "github.com/seed-b636437c/automation/observe/prometheus"
	"github.com/seed-b636437c/automation/store/memory"
)

// A Runner whose metrics Prometheus reads over HTTP.
func Example() {
	ctx, store, mailer := context.Background(), memory.New(), capture.New()
	metrics, err := promobserve.New(promobserve.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics)
	runner, err := automation.New(metrics.Store(store), metrics.Mailer(mailer), automation.Options{Observer: metrics})
	if err != nil {
		fmt.Println(err)
		return
	}

	metrics.Read(observe.Sources{Lag: runner.Lag, Health: runner.Health})

	_, err = runner.Apply(ctx, automation.Automation{
		ID: "welcome", Name: "Welcome",
		Steps: []automation.Step{
			{Key: "signup", Config: automation.Trigger{EventName: "user.created"}},
			{Key: "hello", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "hello"}}},
		},
		Connections: []automation.Connection{{From: "signup", To: "hello"}},
	})
	if err == nil {
		_, err = runner.Send(ctx, automation.Event{Name: "user.created", Email: "ada@example.com"})
	}
	if err == nil {
		_, err = runner.Drain(ctx)
	}
	fmt.Println(err)

	page := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	body, _ := io.ReadAll(page.Body)
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "automation_steps_ended_total") || strings.HasPrefix(line, "automation_lag") {
			fmt.Print(line)
		}
	}
	// Output:
	// <nil>
	// automation_lag_seconds 0
	// automation_steps_ended_total{automation="welcome",status="completed",type="send_email"} 1
	// automation_steps_ended_total{automation="welcome",status="completed",type="trigger"} 1
}
