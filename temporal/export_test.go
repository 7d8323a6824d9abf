package temporal

import (
	"go.temporal.io/sdk/activity"

	"context"
	"time"

	"github.com/seed-b636437c/automation"
)

// What the tests of the workflow need besides the API.
const (
	ContactWorkflow  = contactWorkflow
	EffectActivity   = effectActivity
	EntriesSignal    = entriesSignal
	MaxHistoryEvents = maxHistoryEvents
	NewerFormat      = format + 1
)

// Carried is the input of the workflow of a contact.
type Carried = carried

// InputOf returns the input with which the workflow of a contact begins.
func InputOf(key automation.ContactRef) Carried { return carried{Format: format, Key: key} }

// IDOf returns the id of the workflow of a contact.
func (s *Store) IDOf(key automation.ContactRef) string { return s.names.workflow(key) }

// Register registers the workflow and the activities.
func (w *Worker) Register(r registry) { w.register(r) }

// SetClock sets the clock of turns.
func (w *Worker) SetClock(now func() time.Time) { w.now = now }

// Pack encodes a value as the engine does.
func Pack(v any) ([]byte, error) { return pack(v) }

// Unpack decodes a value as the engine does.
func Unpack(data []byte, v any) error { return unpack(data, v) }

// EffectResult is the result of the activity of an effect.
type EffectResult = effectResult

// PerformEffect is the activity of an effect.
func (w *Worker) PerformEffect(ctx context.Context, input, record, state []byte) (EffectResult, error) {
	return w.perform(ctx, input, record, state)
}

// ActivityOptions are the options with which an activity is registered.
type ActivityOptions = activity.RegisterOptions
