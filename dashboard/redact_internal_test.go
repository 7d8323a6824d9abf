package dashboard

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRedactedText_ReplacesWhatTheHostHides(t *testing.T) {
	t.Parallel()
	h := &Handler{opts: Options{Redact: func(field string, value any) any {
		if strings.HasSuffix(field, ".number") || field == "event.people.email" {
			return "***"
		}
		return value
	}}}
	doc := `{"card":{"number":"4111","kind":"<visa>"},"people":[{"email":"ada@example.com","age":9007199254740993}]}`
	assert.Equal(t, `{
  "card": {
    "kind": "<visa>",
    "number": "***"
  },
  "people": [
    {
      "age": 9007199254740993,
      "email": "***"
    }
  ]
}`, h.redactedText("event", json.RawMessage(doc)))
}

func TestRedactedText_HidesWhatItCannotRedact(t *testing.T) {
	t.Parallel()
	h := &Handler{opts: Options{Logger: slog.New(slog.DiscardHandler), Redact: func(string, any) any { panic("no rules") }}}
	assert.Equal(t, "{\n  \"a\": \"(hidden)\"\n}", h.redactedText("event", json.RawMessage(`{"a":1}`)))
	assert.Equal(t, `"(hidden)"`, h.redactedText("event", json.RawMessage(`{"a":`)))
	assert.Empty(t, h.redactedText("event", nil))
	h.opts.Redact = func(string, any) any { return func() {} }
	assert.Equal(t, hidden, h.redactedText("event", json.RawMessage(`{"a":1}`)))
}

func TestRedactedOutput_TreatsAPayloadInItAsThatOfAnEvent(t *testing.T) {
	t.Parallel()
	h := &Handler{opts: Options{Redact: func(field string, value any) any {
		if field == "event.card" || field == "contact.properties.phone" || field == "output.code" {
			return "***"
		}
		return value
	}}}
	doc := `{"event_name":"order.paid","payload":{"card":"4111"},"properties":{"phone":"+1","plan":"pro"},"code":"x"}`
	assert.Equal(t, map[string]any{
		"event_name": "order.paid", "payload": map[string]any{"card": "***"},
		"properties": map[string]any{"phone": "***", "plan": "pro"}, "code": "***",
	}, h.redactedOutput(json.RawMessage(doc)))
	assert.Nil(t, h.redactedOutput(nil))
}
