package automation

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func ptr[T any](v T) *T { return &v }

func TestOutput_OfEachStep(t *testing.T) {
	t.Parallel()
	paid := &Event{ID: "e1", Name: "order.paid", Payload: json.RawMessage(`{"n":9007199254740993,"b":"<b>"}`)}
	email := &Email{To: "ada@example.com", TemplateID: "welcome", Variables: map[string]any{"b": json.Number("1.0"), "a": []any{nil}}}
	for name, tc := range map[string]struct {
		output json.RawMessage
		want   string
	}{
		"delay":                     {timeOutput("resume_at", flowStart.Add(1500*time.Microsecond)), `{"resume_at":"2026-03-01T09:00:00.0015Z"}`},
		"event received":            {eventOutput(paid), `{"event_id":"e1","event_name":"order.paid","payload":{"n":9007199254740993,"b":"<b>"}}`},
		"event without payload":     {eventOutput(&Event{ID: "e1", Name: `a"b`}), `{"event_id":"e1","event_name":"a\"b","payload":null}`},
		"timed out":                 {timeoutOutput(flowStart, nil), `{"timed_out_at":"2026-03-01T09:00:00Z"}`},
		"timed out before an event": {timeoutOutput(flowStart, paid), `{"timed_out_at":"2026-03-01T09:00:00Z","late_event_id":"e1"}`},
		"email":                     {emailOutput(email.To, "id-1", emailContent(email)), `{"to":"ada@example.com","email_id":"id-1","template":{"id":"welcome","variables":{"a":[null],"b":1.0}},"variables":{"a":[null],"b":1.0}}`},
		"email without variables":   {emailOutput("a@b.c", "", emailContent(&Email{TemplateID: "t"})), `{"to":"a@b.c","email_id":"","template":{"id":"t","variables":null}}`},
		"no change":                 {changeOutput(ContactChange{}), `{}`},
		"names set and cleared":     {changeOutput(ContactChange{FirstName: ptr("Ada"), LastName: ptr("")}), `{"first_name":"Ada","last_name":null}`},
		"everything else": {
			changeOutput(ContactChange{Unsubscribed: ptr(false), Properties: map[string]any{"z": nil, "a": true}}),
			`{"unsubscribed":false,"properties":{"a":true,"z":null}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tc.want, string(tc.output))
		})
	}
}

func TestOutput_SaysWhatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	out := emailOutput("a@b.c", "id-1", emailContent(&Email{Variables: map[string]any{"rate": math.NaN(), "plan": "pro"}}))
	require.True(t, json.Valid(out), string(out))
	assert.Contains(t, string(out), "cannot be recorded")
	assert.Contains(t, string(out), `"plan":"pro"`)
}

func TestOutput_KeepsTheReceivedPayload(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{``, `null`, `{}`, `{"n":1e400,"s":" \u2028</script>","o":{"a":[1,2.0]}}`} {
		want, err := decodePayload(json.RawMessage(payload), 1000)
		require.NoError(t, err)
		name, got, ok := receivedPayload(eventOutput(&Event{Name: "order.paid", Payload: json.RawMessage(payload)}))
		assert.True(t, ok)
		assert.Equal(t, "order.paid", name)
		assert.Equal(t, want, got)
	}
	for _, output := range []string{``, `null`, `{}`, `{"timed_out_at":"2026-03-01T09:00:00Z"}`, `[`} {
		_, _, ok := receivedPayload(json.RawMessage(output))
		assert.False(t, ok, output)
	}
}

func TestOutput_StringsAreValidJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		if rapid.Bool().Draw(t, "mangle") {
			text += "\xff\x00\r\n\"\\"
		}
		var back string
		out := appendJSON(nil, text, ' ')
		require.NoError(t, json.Unmarshal(out, &back), string(out))
		assert.Equal(t, strings.ToValidUTF8(text, "�"), strings.ToValidUTF8(back, "�"))
	})
}
