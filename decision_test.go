package automation

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// Stores keep these bytes, and the HTTP API shows them.
func TestEvidence_KeepsItsForm(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Evidence{
		`{}`:                                  {}, // of a limit that never admits again
		`{"run_id":"r1"}`:                     {RunID: "r1"},
		`{"run_id":"r1","error":"a>b"}`:       {RunID: "r1", Error: "a>b"},
		`{"rule":"while_rule"}`:               {Rule: "while_rule"},
		`{"key":"event.cart_id"}`:             {Key: "event.cart_id"},
		`{"again_at":"2026-03-01T10:00:00Z"}`: {AgainAt: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)},
	} {
		assert.Equal(t, text, string(want.encode()))
		assert.Equal(t, want, Decision{Evidence: json.RawMessage(text)}.DecodeEvidence(), text)
	}
}

func TestDecodeEvidence_ReadsWhatItKnows(t *testing.T) {
	t.Parallel()
	later := Decision{Evidence: json.RawMessage(`{"run_id":"r1","holdout":0.1}`)}
	assert.Equal(t, Evidence{RunID: "r1"}, later.DecodeEvidence())
	assert.Zero(t, Decision{Code: DecisionRunning}.DecodeEvidence(), "an erasure has removed it")
}
