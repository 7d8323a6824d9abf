package dashboard_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
)

// benchRuns is how many runs the pages are measured with:
//
//	go test -run '^$' -bench Pages ./dashboard -args -runs=1000000
var benchRuns = flag.Int("runs", 10_000, "how many runs BenchmarkPages makes")

// BenchmarkPages measures the time to the first byte of the pages, with many runs.
func BenchmarkPages(b *testing.B) {
	for _, name := range []string{"sqlite", "postgres"} {
		b.Run(name, func(b *testing.B) { benchPages(b, stores[name](b)) })
	}
}

func benchPages(b *testing.B, store automation.Store) {
	runner := crowd(b, store, *benchRuns)
	dash, err := dashboard.New(runner, dashboard.Options{AuthenticatedByHost: true, Timeout: time.Minute})
	require.NoError(b, err)
	found, err := runner.ListRuns(b.Context(), automation.RunQuery{Statuses: []automation.RunStatus{automation.RunFailed}, PageQuery: automation.PageQuery{Limit: 1}})
	require.NoError(b, err)
	for name, path := range map[string]string{
		"automations": "/", "automation": "/a/series", "run": "/a/series/runs/" + found.Data[0].ID,
		"runs": "/runs", "runs_failed": "/runs?status=failed", "runs_of_step": "/runs?automation=series&step=rest",
		"runs_of_rare_code": "/runs?code=cancelled", "runs_of_no_code": "/runs?code=timed_out",
		"contacts": "/contacts", "contact": "/contacts/" + found.Data[0].ContactID, "events": "/events", "search": "/search?q=person77",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				answer := httptest.NewRecorder()
				dash.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
				if answer.Code >= http.StatusBadRequest {
					b.Fatalf("%d: %s", answer.Code, answer.Body)
				}
			}
		})
	}
}

// unreliable refuses one address of fifty for good.
type unreliable struct{}

func (unreliable) SendEmail(_ context.Context, email automation.Email) (string, error) {
	if strings.HasSuffix(email.To, "49@example.com") || strings.HasSuffix(email.To, "99@example.com") {
		return "", automation.Permanent(errors.New("550 5.1.1 mailbox unavailable"))
	}
	return "sent", nil
}

// crowd starts n runs of a flow of 12 steps, and cancels one. One in fifty fails, and the
// others sleep after the first email.
func crowd(b *testing.B, store automation.Store, n int) *automation.Runner {
	runner, err := automation.New(store, unreliable{}, automation.Options{})
	require.NoError(b, err)
	steps := []automation.Step{world.Email("hello"), world.Pause("rest", "30 days")}
	for i := range 9 {
		steps = append(steps, world.Email(fmt.Sprintf("email%d", i)))
	}
	_, err = runner.CreateAutomation(b.Context(), world.Flow("series", "signup", steps...))
	require.NoError(b, err)
	const batch = 1000
	for i := 0; i < n; i += batch {
		events := make([]automation.Event, min(batch, n-i))
		for j := range events {
			events[j] = automation.Event{Name: "signup", Email: fmt.Sprintf("person%d@example.com", i+j)}
		}
		_, err := runner.Send(b.Context(), events...)
		require.NoError(b, err)
	}
	_, err = runner.Drain(b.Context())
	require.NoError(b, err)
	asleep, err := runner.ListRuns(b.Context(), automation.RunQuery{Statuses: []automation.RunStatus{automation.RunRunning}})
	require.NoError(b, err)
	_, err = runner.CancelRun(b.Context(), asleep.Data[0].ID)
	require.NoError(b, err)
	_, err = runner.Drain(b.Context())
	require.NoError(b, err)
	return runner
}
