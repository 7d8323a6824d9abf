package temporal_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/worker"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/temporal"
)

var record = flag.Bool("record", false, "record new histories in testdata/histories")

const histories = "testdata/histories"

// TestHistories_CanBeReplayed replays histories of this release and of earlier ones. A workflow that
// an earlier release has begun goes on with this one.
func TestHistories_CanBeReplayed(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(histories, "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	w := newWorld(t)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			replayer := worker.NewWorkflowReplayer()
			w.worker.Register(replayerOnly{replayer})
			assert.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(quiet, file))
		})
	}
}

// TestHistories_AreRecorded executes flows on a server. With -record it keeps their histories.
func TestHistories_AreRecorded(t *testing.T) {
	n := newNode(t)
	n.work()
	for _, a := range []automation.Automation{
		named("emails", flow(email("hello"), rest(time.Second), email("tips"))),
		named("answered", asking(time.Hour)), named("timeout", asking(time.Second)), named("cancel", flow(rest(time.Hour))),
		named("many", flow(rest(time.Hour))),
	} {
		_, err := n.CreateAutomation(t.Context(), a)
		require.NoError(t, err)
		run := n.begin(a.ID)
		switch a.ID {
		case "answered":
			_, err = n.Send(t.Context(), automation.Event{Name: "answer", ContactID: run.ContactID})
		case "cancel":
			_, err = n.CancelRun(t.Context(), run.ID)
		case "many":
			for range 70 { // until the workflow continues as new
				receipts, err := n.Send(t.Context(), automation.Event{Name: "other", ContactID: run.ContactID})
				require.NoError(t, err)
				n.eventually(func() bool {
					_, err := n.GetEvent(t.Context(), receipts[0].ID)
					return err == nil
				}, "the event is handled")
			}
			_, err = n.CancelRun(t.Context(), run.ID)
		}
		require.NoError(t, err)
		n.eventually(func() bool {
			page, err := n.ListRuns(t.Context(), automation.RunQuery{AutomationID: a.ID, Statuses: []automation.RunStatus{automation.RunRunning}})
			require.NoError(t, err)
			return len(page.Data) == 0
		}, "all runs end")
		for kind, key := range map[string]automation.ContactRef{"email": {Email: a.ID + "@example.com"}, "contact": {ID: run.ContactID}} {
			h := n.history(n.store.IDOf(key), "")
			keep(t, a.ID+"-"+kind, h)
			if before := h.Events[0].GetWorkflowExecutionStartedEventAttributes().GetContinuedExecutionRunId(); before != "" {
				keep(t, a.ID+"-"+kind+"-before", n.history(n.store.IDOf(key), before))
			}
		}
	}
}

// keep writes a history to its file if -record is set.
func keep(t *testing.T, name string, h *historypb.History) {
	t.Helper()
	require.NotEmpty(t, h.Events)
	if !*record {
		return
	}
	text, err := protojson.Marshal(h)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(histories, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(histories, name+".json"), text, 0o644))
}

// named returns an automation with an id, which is also its event.
func named(id string, a automation.Automation) automation.Automation {
	a.ID = id
	a.Steps[0].Config = automation.Trigger{EventName: id}
	return a
}

// begin sends the event of an automation, and returns the run that it starts.
func (n *node) begin(id string) (run automation.Run) {
	n.t.Helper()
	receipts, err := n.Send(n.t.Context(), automation.Event{Name: id, Email: id + "@example.com"})
	require.NoError(n.t, err)
	n.eventually(func() bool {
		page, err := n.ListRuns(n.t.Context(), automation.RunQuery{EventID: receipts[0].ID})
		require.NoError(n.t, err)
		if len(page.Data) == 1 {
			run = page.Data[0]
		}
		return len(page.Data) == 1
	}, "a run starts")
	return run
}

// history returns the history of an execution of a workflow, the last one if run is empty.
func (n *node) history(id, run string) *historypb.History {
	n.t.Helper()
	h := &historypb.History{}
	events := n.client.GetWorkflowHistory(n.t.Context(), id, run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(n.t, err)
		h.Events = append(h.Events, e)
	}
	return h
}

// replayerOnly registers the workflow only: a replay calls no activity.
type replayerOnly struct{ worker.WorkflowReplayer }

func (replayerOnly) RegisterActivityWithOptions(any, temporal.ActivityOptions) {}
