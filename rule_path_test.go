package automation

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// decodeObject decodes a payload as the Runner does, with exact numbers.
func decodeObject(t require.TestingT, text string) map[string]any {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var object map[string]any
	require.NoError(t, dec.Decode(&object))
	return object
}

func pathData(t require.TestingT) *Data {
	return &Data{
		Event: decodeObject(t, `{
			"plan": "pro", "seats": 5, "none": null, "list": [], "with space": 1, "0": "zero",
			"user": {"address": {"city": "Bern"}, "tags": ["a", {"b": "c"}, [1, 2]]},
			"a.b": "dotted", "x": {"y.z": {"w": "deep"}}, "x.y": {"v": "joined"},
			"m": 1, "m.n": 2, "k": null, "k.l": 3
		}`),
		Trigger: decodeObject(t, `{"plan": "free", "user": {"name": "Ada"}}`),
		Steps: map[string]map[string]any{
			"email":        decodeObject(t, `{"to": "ada@example.com", "template": {"id": "welcome"}, "second": {"to": "x"}}`),
			"email.second": decodeObject(t, `{"to": "bob@example.com"}`),
			"ask":          decodeObject(t, `{"payload": {"tags": ["a", "b"]}}`),
		},
		Run: &RunData{
			ID: "r1", StartedAt: time.Date(2026, 1, 31, 12, 0, 0, 123456789, time.FixedZone("", 3600)), Trigger: "user.created",
		},
		Contact: &Contact{
			Segments: []string{"beta", "customers"},
			ID:       "c1", Email: "Ada@example.com", FirstName: "Ada", Unsubscribed: true,
			CreatedAt: time.Date(2026, 1, 31, 12, 0, 0, 123456789, time.FixedZone("", 3600)),
			Properties: map[string]any{
				"plan": "pro", "seats": 5, "unset": nil, "plan.tier": "gold",
				"company": map[string]any{"name": "ACME"},
			},
		},
		WaitEvents: map[string]map[string]any{
			"feedback":          decodeObject(t, `{"received": {"response": "short"}, "score": 1}`),
			"feedback.received": decodeObject(t, `{"response": "long"}`),
		},
	}
}

var pathWaits = &pathNames{waits: []string{"feedback", "feedback.received", "order.paid"}, steps: []string{"start", "email", "email.second", "ask"}}

func TestPath_Resolve(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		"event.plan":                             "pro",
		"event.seats":                            json.Number("5"),
		"event.none":                             nil,
		"event.list":                             []any{},
		"event.with space":                       json.Number("1"),
		"event.0":                                "zero",
		"event.user.address":                     map[string]any{"city": "Bern"},
		"event.user.address.city":                "Bern",
		"event.user.tags.0":                      "a",
		"event.user.tags.1.b":                    "c",
		"event.user.tags.2.1":                    json.Number("2"),
		"event.a.b":                              "dotted",
		"event.x.y.z.w":                          "deep",
		"event.x.y.v":                            "joined",
		"event.m.n":                              json.Number("2"),
		"event.k.l":                              json.Number("3"),
		"contact.id":                             "c1",
		"contact.email":                          "Ada@example.com",
		"contact.first_name":                     "Ada",
		"contact.unsubscribed":                   true,
		"contact.created_at":                     "2026-01-31T11:00:00.123456Z",
		"trigger.plan":                           "free",
		"trigger.user.name":                      "Ada",
		"steps.email.to":                         "ada@example.com",
		"steps.email.template.id":                "welcome",
		"steps.email.second.to":                  "bob@example.com",
		"steps.ask.payload.tags.1":               "b",
		"run.id":                                 "r1",
		"run.started_at":                         "2026-01-31T11:00:00.123456Z",
		"run.trigger":                            "user.created",
		"contact.segments":                       []any{"beta", "customers"},
		"contact.properties.plan":                "pro",
		"contact.properties.seats":               5,
		"contact.properties.plan.tier":           "gold",
		"contact.properties.company.name":        "ACME",
		"wait_events.feedback.score":             json.Number("1"),
		"wait_events.feedback.received":          map[string]any{"response": "short"},
		"wait_events.feedback.received.response": "long",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			p, err := compilePath(text, pathWaits)
			require.NoError(t, err)
			got, ok := p.resolve(pathData(t))
			assert.True(t, ok)
			assert.Equal(t, want, got)
			assert.Equal(t, text, p.String())
		})
	}
}

func TestPath_ResolvesToNothing(t *testing.T) {
	t.Parallel()
	empty := &Data{Contact: &Contact{}}
	for _, test := range []struct {
		text string
		data *Data
	}{
		{"event.missing", pathData(t)},
		{"event.Plan", pathData(t)},
		{"event.plan.length", pathData(t)},
		{"event.none.deeper", pathData(t)},
		{"event.list.0", pathData(t)},
		{"event.user.tags.3", pathData(t)},
		{"event.user.tags.00", pathData(t)},
		{"event.user.tags.-0", pathData(t)},
		{"event.user.tags.-1", pathData(t)},
		{"event.user.tags.+1", pathData(t)},
		{"event.user.tags.1e0", pathData(t)},
		{"event.user.tags.99999999999999999999", pathData(t)},
		{"event.user.tags.first", pathData(t)},
		{"event.user.tags.0.b", pathData(t)},
		{"event.plan", empty},
		{"event.plan", nil},
		{"contact.last_name", pathData(t)},
		{"contact.properties.unset", pathData(t)},
		{"contact.properties.missing", pathData(t)},
		{"contact.id", empty},
		{"contact.email", empty},
		{"contact.first_name", empty},
		{"contact.created_at", empty},
		{"contact.properties.plan", empty},
		{"contact.unsubscribed", &Data{}},
		{"contact.properties.plan", &Data{}},
		{"contact.email", nil},
		{"contact.segments", &Data{}},
		{"trigger.seats", pathData(t)},
		{"trigger.plan", &Data{Trigger: map[string]any{}, Event: map[string]any{"plan": "pro"}}},
		{"trigger.plan", nil},
		{"steps.start.x", pathData(t)},
		{"steps.email.second.template", pathData(t)},
		{"steps.email.to", empty},
		{"steps.email.to", nil},
		{"run.id", empty},
		{"run.id", nil},
		{"run.started_at", &Data{Run: &RunData{}}},
		{"wait_events.order.paid.amount", pathData(t)},
		{"wait_events.feedback.received.missing", pathData(t)},
	} {
		t.Run(test.text, func(t *testing.T) {
			t.Parallel()
			p, err := compilePath(test.text, pathWaits)
			require.NoError(t, err)
			got, ok := p.resolve(test.data)
			assert.False(t, ok)
			assert.Nil(t, got)
			var o operand
			p.read(test.data, &o)
			assert.Equal(t, operand{}, o)
		})
	}
}

func TestPath_TriggerIsTheEventOutsideFilters(t *testing.T) {
	t.Parallel()
	p, err := compilePath("trigger.plan", nil)
	require.NoError(t, err)
	got, ok := p.resolve(&Data{Event: map[string]any{"plan": "pro"}})
	assert.True(t, ok)
	assert.Equal(t, "pro", got)
}

func TestCompilePath_Refuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                           "names no field",
		"plan":                       `names no field: write "event.plan" for a field of the event, or "contact.properties.plan" for a property of the contact`,
		"event":                      "names no field",
		"event.":                     "names no field",
		"contact":                    "names no field",
		"wait_events":                "names no field",
		".plan":                      `must begin with "event.", "trigger.", "contact.", "wait_events."`,
		"Event.plan":                 `must begin with "event.", "trigger.", "contact.", "wait_events."`,
		"user.plan":                  `must begin with "event.", "trigger.", "contact.", "wait_events."`,
		"event..plan":                "has an empty segment",
		"event.plan.":                "has an empty segment",
		"event.a..b":                 "has an empty segment",
		"event..":                    "has an empty segment",
		"event.\xff":                 "is not valid UTF-8",
		"contact.plan":               `a contact has no field "plan"`,
		"contact.firstName":          `a contact has no field "firstName"`,
		"contact.segments.0":         "leads into contact.segments, which has no fields",
		"contact.properties":         "names no property",
		"contact.properties.":        "names no property",
		"contact.properties..a":      "has an empty segment",
		"contact.email.domain":       "leads into contact.email, which has no fields",
		"contact.email.":             "leads into contact.email, which has no fields",
		"wait_events.feedback..a":    "has an empty segment",
		"wait_events.feedback.a.":    "has an empty segment",
		"trigger":                    "names no field",
		"trigger.":                   "names no field",
		"trigger..plan":              "has an empty segment",
		"triger.plan":                `did you mean "trigger.plan"?`,
		"steps":                      "names no field",
		"steps.":                     "names no field",
		"steps.email":                `names no field of the output: write steps.email.<field>`,
		"steps.email.":               `names no field of the output: write steps.email.<field>`,
		"steps.email..to":            "has an empty segment",
		"steps.emial.to":             `there is no step "emial": did you mean "steps.email.to"?`,
		"steps.lottery.to":           `there is no step "lottery": write steps.<key>.<field> with the key of an earlier step`,
		"run":                        "names no field",
		"run.":                       "names no field",
		"run.key":                    `a run has no field "key": use run.id, run.started_at or run.trigger`,
		"run.startedAt":              `did you mean "run.started_at"?`,
		"run.id.x":                   "leads into run.id, which has no fields",
		"wait_events.feedback":       errNotWaitedFor.Error(),
		"wait_events.feedback.":      errNotWaitedFor.Error(),
		"wait_events.feedbacks.a":    errNotWaitedFor.Error(),
		"wait_events.order.paid":     errNotWaitedFor.Error(),
		"wait_events.order.refund.a": errNotWaitedFor.Error(),
		"wait_events..a":             errNotWaitedFor.Error(),
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			_, err := compilePath(text, pathWaits)
			require.ErrorContains(t, err, want)
			assert.Equal(t, want == errNotWaitedFor.Error(), errors.Is(err, errNotWaitedFor))
		})
	}
}

func TestCompilePath_LongestEventNameWins(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text  string
		waits []string
		event string
	}{
		{"wait_events.feedback.received.response", []string{"feedback", "feedback.received"}, "feedback.received"},
		{"wait_events.feedback.received.response", []string{"feedback.received", "feedback"}, "feedback.received"},
		{"wait_events.feedback.received.response", []string{"feedback"}, "feedback"},
		{"wait_events.feedback.received", []string{"feedback", "feedback.received"}, "feedback"},
		{"wait_events.feedback.receivedx.y", []string{"feedback", "feedback.received"}, "feedback"},
		{"wait_events.odd..name.field", []string{"", "odd", "odd..name"}, "odd..name"},
	} {
		t.Run(test.text+" "+strings.Join(test.waits, " "), func(t *testing.T) {
			t.Parallel()
			p, err := compilePath(test.text, &pathNames{waits: test.waits})
			require.NoError(t, err)
			assert.Equal(t, test.event, p.name)
			assert.Equal(t, scopeWaitEvents, p.scope)
		})
	}
}

func TestCompilePath_LongestStepKeyWins(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text      string
		steps     []string
		key, keys string
	}{
		{"steps.a.b.c", []string{"a", "a.b"}, "a.b", "c"},
		{"steps.a.b.c", []string{"a.b", "a"}, "a.b", "c"},
		{"steps.a.b.c", []string{"a"}, "a", "b.c"},
		{"steps.a.b", []string{"a", "a.b"}, "a", "b"},
		{"steps.a.b.c", []string{"a", "a.b", "a.b.c"}, "a.b", "c"},
	} {
		p, err := compilePath(test.text, &pathNames{steps: test.steps})
		require.NoError(t, err)
		assert.Equal(t, scopeSteps, p.scope)
		assert.Equal(t, test.key, p.name)
		assert.Equal(t, test.keys, p.keys)
	}
}

func TestPath_FindsEveryKeyOfRandomObjects(t *testing.T) {
	t.Parallel()
	key := rapid.StringMatching(`[a-b0-1]{1,2}(\.[a-b0-1])?`)
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfN(key, 1, 5).Draw(t, "keys")
		var value any = "found"
		for i := len(keys) - 1; i >= 0; i-- {
			object := map[string]any{keys[i]: value}
			if decoy := key.Draw(t, "decoy"); decoy != keys[i] {
				object[decoy] = rapid.SampledFrom([]any{nil, map[string]any{}, []any{}}).Draw(t, "in decoy")
			}
			value = object
		}
		p, err := compilePath("event."+strings.Join(keys, "."), nil)
		require.NoError(t, err)
		_, ok := p.resolve(&Data{Event: value.(map[string]any)})
		assert.True(t, ok)
	})
}

func TestPath_ResolvesWithoutAllocating(t *testing.T) {
	d := pathData(t)
	for _, text := range []string{"event.x.y.z.w", "event.user.tags.2.1", "contact.email", "contact.properties.plan.tier"} {
		p, err := compilePath(text, nil)
		require.NoError(t, err)
		assert.Zero(t, testing.AllocsPerRun(100, func() {
			var o operand
			p.read(d, &o)
		}), text)
	}
}

func FuzzPath(f *testing.F) {
	for _, seed := range []string{
		"trigger.plan", "run.id", "run.started_at", "contact.segments", "steps.email.second.to", "steps.x.y", "event.plan", "event.a.b", "event.user.tags.1.b", "contact.created_at", "contact.properties.plan.tier",
		"wait_events.feedback.received.response", "event..", "wait_events.", "\xff", "event.user.tags.18446744073709551616",
	} {
		f.Add(seed)
	}
	d := pathData(f)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := compilePath(text, pathWaits)
		if err != nil {
			return
		}
		assert.Equal(t, text, p.String())
		_, present := p.resolve(d)
		var o operand
		p.read(d, &o)
		assert.Equal(t, present, o.kind != operandAbsent)
		_, present = p.resolve(nil)
		assert.False(t, present)
	})
}

func TestData_DeterminesWhichEventsAReferenceCanMean(t *testing.T) {
	t.Parallel()
	received := map[string]map[string]any{"order.paid": nil}
	assert.Nil(t, (*Data)(nil).pathNames())
	assert.Equal(t, &pathNames{waits: []string{"order.paid"}, steps: []string{"email"}}, (&Data{WaitEvents: received, Steps: map[string]map[string]any{"email": nil}}).pathNames())
	names := &pathNames{waits: []string{"signup"}}
	assert.Equal(t, names, (&Data{WaitEvents: received, names: names}).pathNames())
}

func TestCompilePath_SuggestsAFieldOfTheContact(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"contact.firstName":       `path "contact.firstName": a contact has no field "firstName": did you mean "contact.first_name"?`,
		"contact.propertys.seats": `path "contact.propertys.seats": a contact has no field "propertys": did you mean "contact.properties"?`,
		"contact.nickname":        `path "contact.nickname": a contact has no field "nickname": use id, email, first_name`,
	} {
		_, err := compilePath(path, nil)
		require.ErrorContains(t, err, want)
	}
}
