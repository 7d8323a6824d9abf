package jetstream

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

func TestState_SurvivesItsEncoding(t *testing.T) {
	at := time.Date(2026, 11, 29, 12, 0, 0, 1000, time.UTC)
	run := storedRun{
		ClaimedRun: automation.ClaimedRun{
			RunRecord: automation.RunRecord{
				ID: "run", AutomationID: "welcome", Version: 2, ContactID: "ada", EventID: "event", EventName: "user.left",
				Status: automation.RunFailed, Step: "hello", Listens: []string{"order.paid", "user.back"}, DueAt: at.Add(time.Hour), DecodeFailures: 3,
				Error: &automation.StepError{Code: "no", Message: "no & no"}, State: []byte{1, 2}, CreatedAt: at, CompletedAt: at.Add(time.Minute),
			},
			Request: automation.RequestRetry, TriggerPayload: []byte(`{"amount":12345678901234567890.10}`),
			Cause: &automation.Cause{RunID: "sender", Automations: []string{"first"}},
		},
		Outputs: []automation.StepOutput{{Step: 1, Output: []byte("out")}}, DropOutputs: true,
	}
	sent := automation.Event{ID: "sent", Name: "told", ContactID: "ada", AcceptedAt: at, Cause: &automation.Cause{RunID: "run", Automations: []string{"welcome"}}}
	handled := []handledEvent{{Seq: 7, HandledAt: at, Resumed: []string{"run"}, Reason: "none"}, {ID: "sent", HandledAt: at, Event: &sent}}
	decision := keptDecision{Decision: automation.Decision{EventID: "sent", AutomationID: "welcome", Code: automation.DecisionChain, At: at}}
	backlog := []entry{{Kind: kindEvent, Key: automation.ContactRef{ID: "ada"}, Event: &sent}}
	data, err := json.Marshal(contactState{
		Key: encodedRef{ID: "ada"}, Runs: []storedRun{run}, Handled: handled, Decisions: []keptDecision{decision}, Backlog: backlog,
	})
	require.NoError(t, err)
	var c contact

	require.NoError(t, c.decode(data))

	require.Equal(t, automation.ContactRef{ID: "ada"}, c.key)
	require.Equal(t, []storedRun{run}, c.state.Runs)
	require.Equal(t, handled, c.state.Handled)
	require.Equal(t, []keptDecision{decision}, c.state.Decisions)
	require.Equal(t, backlog, c.state.Backlog)
	require.True(t, c.state.Backlog[0].isSent())
}

func TestState_OfASleepingRunIsShort(t *testing.T) {
	at := time.Date(2026, 11, 29, 12, 0, 0, 123456000, time.UTC)
	id := "01a2287d-14b5-732f-8a60-b0635edc5b09"
	run := storedRun{ClaimedRun: automation.ClaimedRun{RunRecord: automation.RunRecord{
		ID: id, AutomationID: "sleep", Version: 1, ContactID: id, EventID: id, EventName: "user.left", Status: automation.RunRunning,
		Step: "sleep", DueAt: at, State: make([]byte, 47), CreatedAt: at,
	}}}
	data, err := json.Marshal(contactState{Key: encodedRef{ID: id}, Runs: []storedRun{run}})
	require.NoError(t, err)
	require.Less(t, len(data), 400)
	var c contact
	require.NoError(t, c.decode(data))
	require.Equal(t, at, c.timer, "its timer was written with it")
}

func TestTokenOf_IsDifferentForDifferentContacts(t *testing.T) {
	id := "0195a3c0-7d00-7000-8000-000000000bb5"
	tokens := map[string]automation.ContactRef{}
	for _, ref := range []automation.ContactRef{
		{ID: id}, {ID: strings.ToUpper(id)}, {ID: "ada"}, {ID: strings.Repeat("a", 121)}, {Email: "ada"}, {Email: id},
	} {
		token := tokenOf(ref)
		require.NotContains(t, tokens, token)
		require.NotContains(t, token, ".")
		tokens[token] = ref
	}
	require.Len(t, tokenOf(automation.ContactRef{ID: id}), 24)
}

// The timers of a batch share a message, and the next owner reads them all.
func TestTimers_OfABatchReachTheNextOwner(t *testing.T) {
	w := testWorker(t)
	p := owned(t, w)
	at := now()
	sleeper := func(id string) *work {
		return &work{dirty: true, contact: &contact{token: tokenOf(automation.ContactRef{ID: id}), state: contactState{
			Key:  encodedRef{ID: id},
			Runs: []storedRun{{ClaimedRun: automation.ClaimedRun{RunRecord: automation.RunRecord{ID: id, Status: automation.RunRunning, DueAt: at}}}},
		}}}
	}
	before := p.cp.seq
	require.NoError(t, p.commit(t.Context(), p.cp, []*work{sleeper("ada"), sleeper("ben")}))
	require.Equal(t, before+4, p.cp.seq, "two states, their timers, the checkpoint")

	next := owned(t, w)

	tokens := next.timers.take(at, 10)
	require.ElementsMatch(t, []string{tokenOf(automation.ContactRef{ID: "ada"}), tokenOf(automation.ContactRef{ID: "ben"})}, tokens)
}
