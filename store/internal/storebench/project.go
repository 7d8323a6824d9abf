package storebench

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// Project measures projections of 1,000 runs and 1,000 events each. Those of the first
// part start runs. Those of the second part have the same runs, which end. One iteration is
// one projection of each part.
func Project(b *testing.B, s automation.Projector) {
	const batch = 1000
	var starting, ending time.Duration
	var sequence int64
	project := func(events []automation.ProjectedEvent, runs []automation.RunChange) time.Duration {
		began := time.Now()
		next := automation.Projection{Source: "bench", After: sequence, Sequence: sequence + 1, Events: events, Runs: runs}
		require.NoError(b, s.Project(b.Context(), next))
		sequence++
		return time.Since(began)
	}
	for n := range b.N {
		events, runs := projection(n, batch)
		starting += project(events, runs)
		events, _ = projection(n, batch)
		for i := range runs {
			events[i].Event.ID, events[i].Resumed = projectedID("e1", n*batch+i), []string{runs[i].ID}
			runs[i].Status, runs[i].Listens, runs[i].CompletedAt, runs[i].Step = automation.RunCompleted, nil, runs[i].CreatedAt.Add(time.Hour), "last"
		}
		ending += project(events, runs)
	}
	runs := float64(b.N * batch)
	b.ReportMetric(runs/starting.Seconds(), "started/s")
	b.ReportMetric(runs/ending.Seconds(), "ended/s")
	b.ReportMetric(2*runs/(starting+ending).Seconds(), "runs/s")
	b.ReportMetric(0, "ns/op") // it would include making the projections
}

// projection returns events, each of which starts a run that waits.
func projection(n, size int) ([]automation.ProjectedEvent, []automation.RunChange) {
	events, runs := make([]automation.ProjectedEvent, size), make([]automation.RunChange, size)
	for i := range events {
		at := time.Date(2026, 3, 1, 12, 0, n, i*1000, time.UTC)
		e := automation.Event{
			ID: projectedID("e0", n*size+i), Name: "user.created", ContactID: contactID(n*size + i), AcceptedAt: at, OccurredAt: at,
			Payload: []byte(`{"plan":"pro","seats":5}`),
		}
		events[i] = automation.ProjectedEvent{Event: e, HandledAt: at}
		runs[i].RunRecord = automation.RunRecord{
			ID: projectedID("a0", n*size+i), AutomationID: "welcome", Version: 1, ContactID: e.ContactID, EventID: e.ID, EventName: e.Name,
			Status: automation.RunRunning, Step: "wait", Listens: []string{"user.upgraded"}, State: make([]byte, 40), CreatedAt: at,
		}
	}
	return events, runs
}

// projectedID returns the nth id of a kind of two digits.
func projectedID(kind string, n int) string {
	return fmt.Sprintf("0195a3c0-7d00-7000-80%s-%012x", kind, n)
}
