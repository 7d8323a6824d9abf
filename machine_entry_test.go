package automation

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// carts is an automation with these rules of entry and exit.
func carts(t *testing.T, e Entry, x Exit) *Graph {
	a := sequence(Delay{Duration: DurationOf(time.Hour)})
	a.ID, a.Entry, a.Exit = "carts", &e, &x
	g, err := Compile(a, CompileOptions{})
	require.NoError(t, err)
	return g
}

func entering(t *testing.T, name, payload string, c Contact) Input {
	decoded, err := decodePayload(json.RawMessage(payload), len(payload))
	require.NoError(t, err)
	return Input{
		Now: flowStart.Add(time.Minute), Event: &Event{ID: "event-1", Name: name, AcceptedAt: flowStart}, Payload: decoded, Data: Data{Contact: &c},
	}
}

func TestEnter_EvaluatesTheRulesInOrder(t *testing.T) {
	t.Parallel()
	e := Entry{
		Triggers:     []EntryTrigger{{EventName: "cart.shared", FilterRule: Field("event.by").Eq("friend")}, {EventName: "cart.saved"}},
		FilterRule:   Field("event.total").Gt(0),
		AudienceRule: Not(Field("contact.segments").Contains("staff")),
		Reentry:      Reentry{Key: "event.cart_id", WhileRunning: ReentryIgnore, Limit: 2, Per: MustParseDuration("1 day")},
	}
	x := Exit{WhileRule: Field("contact.unsubscribed").Eq(false)}
	ada := Contact{ID: "ada"}
	for name, tt := range map[string]struct {
		event, payload string
		contact        Contact
		entries        Entries
		code           DecisionCode
		evidence       string
	}{
		"all hold":                                    {"user.created", `{"total":5,"cart_id":1}`, ada, Entries{}, "", ""},
		"another trigger, its own filter":             {"cart.shared", `{"by":"friend","cart_id":1}`, ada, Entries{}, "", ""},
		"another trigger without a filter":            {"cart.saved", `{"cart_id":1}`, ada, Entries{}, "", ""},
		"the filter does not hold":                    {"user.created", `{"total":0,"cart_id":1}`, ada, Entries{}, DecisionTriggerFilter, ""},
		"the filter of another trigger does not hold": {"cart.shared", `{"by":"ada","total":5,"cart_id":1}`, ada, Entries{}, DecisionTriggerFilter, ""},
		"the filter cannot be evaluated": {
			"user.created", `{"cart_id":1}`, Contact{Segments: []string{"staff"}}, Entries{}, DecisionTriggerFilter,
			`{"error":"field \"event.total\" is absent, so operator \"gt\" cannot compare it with a number: test it with \"exists\" first"}`,
		},
		"not in the audience": {
			"user.created", `{"total":5}`, Contact{Segments: []string{"staff"}}, Entries{}, DecisionAudience, `{"rule":"audience_rule"}`,
		},
		"a run would end at once": {"user.created", `{"total":5}`, Contact{Unsubscribed: true}, Entries{}, DecisionAudience, `{"rule":"while_rule"}`},
		"no key":                  {"user.created", `{"total":5}`, ada, Entries{Running: []string{"r"}}, DecisionKeyMissing, `{"key":"event.cart_id"}`},
		"null as the key":         {"user.created", `{"total":5,"cart_id":null}`, ada, Entries{}, DecisionKeyMissing, `{"key":"event.cart_id"}`},
		"an object as the key":    {"user.created", `{"total":5,"cart_id":{}}`, ada, Entries{}, DecisionKeyMissing, `{"key":"event.cart_id"}`},
		"a run is running": {
			"user.created", `{"total":5,"cart_id":1}`, ada,
			Entries{Running: []string{"run-1", "run-2"}, Count: EntryCount{Count: 2, Starts: []time.Time{flowStart, flowStart}}},
			DecisionRunning, `{"run_id":"run-1"}`,
		},
		"the limit is reached": {
			"user.created", `{"total":5,"cart_id":1}`, ada,
			Entries{Count: EntryCount{Count: 3, Starts: []time.Time{flowStart.Add(-25 * time.Hour), flowStart.Add(-23 * time.Hour), flowStart.Add(-time.Hour)}}},
			DecisionLimit, `{"again_at":"2026-03-01T10:00:00Z"}`,
		},
		"the limit has room again": {
			"user.created", `{"total":5,"cart_id":1}`, ada,
			Entries{Count: EntryCount{Count: 3, Starts: []time.Time{flowStart.Add(-24 * time.Hour), flowStart.Add(-time.Hour)}}}, "", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := carts(t, e, x)
			tt.entries.Count.AutomationID = "carts"
			in := entering(t, tt.event, tt.payload, tt.contact)
			d, _ := g.Enter(tt.entries, in)
			want := Decision{EventID: "event-1", AutomationID: "carts", Code: tt.code, At: flowStart.Add(time.Minute)}
			if tt.evidence != "" {
				want.Evidence = json.RawMessage(tt.evidence)
			}
			assert.Equal(t, want, d)
		})
	}
}

func TestEnter_WhileRunning(t *testing.T) {
	t.Parallel()
	running := Entries{Running: []string{"run-1", "run-2"}}
	in := entering(t, "user.created", `{}`, Contact{})
	for while, want := range map[WhileRunning][]string{"": nil, ReentryParallel: nil, ReentryRestart: running.Running} {
		g := carts(t, Entry{Reentry: Reentry{WhileRunning: while}}, Exit{MaxAge: MustParseDuration("1 day")})
		d, after := g.Enter(running, in)
		assert.Empty(t, d.Code)
		assert.Equal(t, want, after.Running, "%q", while)
	}
}

// A limit keeps as many starts as it needs, in order, whatever the order of acceptance.
func TestEnter_CountsStarts(t *testing.T) {
	t.Parallel()
	g := carts(t, Entry{Reentry: Reentry{Limit: 2, Per: MustParseDuration("1 hour")}}, Exit{})
	e := Entries{Count: EntryCount{EntryRef: EntryRef{AutomationID: "carts"}}}
	for _, minute := range []int{0, 50, 70, 125, 180} {
		in := entering(t, "user.created", `{}`, Contact{})
		in.Event.AcceptedAt = flowStart.Add(time.Duration(minute) * time.Minute)
		var d Decision
		d, e = g.Enter(e, in)
		require.Empty(t, d.Code, "minute %d", minute)
	}
	at := func(minute int) time.Time { return flowStart.Add(time.Duration(minute) * time.Minute) }
	assert.Equal(t, EntryCount{
		EntryRef: EntryRef{AutomationID: "carts"}, Count: 5, Starts: []time.Time{at(125), at(180)}, ExpiresAt: at(240),
	}, e.Count)

	once := carts(t, Entry{Reentry: Reentry{Limit: 1}}, Exit{})
	in := entering(t, "user.created", `{}`, Contact{})
	d, first := once.Enter(Entries{}, in)
	require.Empty(t, d.Code)
	assert.Zero(t, first.Count.ExpiresAt)
	in.Event.AcceptedAt = flowStart.AddDate(10, 0, 0)
	d, second := once.Enter(first, in)
	assert.Equal(t, DecisionLimit, d.Code)
	assert.JSONEq(t, `{}`, string(d.Evidence), "there is no later time")
	assert.Equal(t, first, second)
}

func TestEntryKey_ComparesNumbersByValueAndTypes(t *testing.T) {
	t.Parallel()
	g := carts(t, Entry{Reentry: Reentry{Key: "event.cart.id"}}, Exit{})
	key := func(value string) string {
		payload, err := decodePayload(json.RawMessage(`{"cart":{"id":`+value+`}}`), 1<<20)
		require.NoError(t, err)
		k, ok := g.EntryKey(payload)
		require.True(t, ok)
		require.Len(t, k, 32)
		return k
	}
	assert.Equal(t, key(`5`), key(`5.0`))
	assert.Equal(t, key(`5`), key(`5e0`))
	assert.Equal(t, key(`1e3`), key(`1000`))
	different := []string{key(`5`), key(`"5"`), key(`true`), key(`"true"`), key(`9007199254740993`), key(`9007199254740992`), key(`"` + strings.Repeat("k", 200<<10) + `"`)}
	seen := map[string]bool{}
	for _, k := range different {
		assert.False(t, seen[k])
		seen[k] = true
	}
	for _, payload := range []map[string]any{nil, {}, {"cart": "c"}, {"cart": map[string]any{"id": []any{1}}}} {
		_, ok := g.EntryKey(payload)
		assert.False(t, ok)
	}
	whole, ok := carts(t, Entry{Reentry: Reentry{Limit: 1}}, Exit{}).EntryKey(nil)
	assert.True(t, ok)
	assert.Empty(t, whole)
}
