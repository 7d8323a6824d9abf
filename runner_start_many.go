package automation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// BulkStart is what StartMany starts.
type BulkStart struct {
	// ID identifies the bulk. A call with the ID of an earlier one goes on where that call
	// ended. It has between 1 and 128 bytes, without control characters and slashes.
	ID string
	// AutomationID is the automation to start. It must be enabled, except for a DryRun.
	AutomationID string
	// Contacts are the contacts to start it for. StartMany walks them twice: to count them,
	// and to start. The walks need not give the same contacts. ContactsWhere returns such a
	// sequence. StartMany ends with an error of the sequence.
	Contacts iter.Seq2[ContactRef, error]
	// Payload is the payload of the event for each contact. Nil means none.
	Payload json.RawMessage
	// Max is how many contacts there may be. It must be given.
	Max int
	// Rate is how many runs to start a minute. Zero means as fast as the store keeps events.
	Rate int
	// DryRun counts, and starts nothing. It decides about entry with the contacts and the runs as
	// they are now.
	DryRun bool
}

// Bulk is what a call of StartMany has done or, for a DryRun, what it would do.
type Bulk struct {
	// Contacts is how many contacts the first walk has counted. If there are more than
	// BulkStart.Max, it is one more than that.
	Contacts int
	// Accepted is how many events the call has sent. A DryRun counts the contacts that it
	// would send events for.
	Accepted int
	// Duplicates is how many contacts had their event from an earlier call. It is 0 for a
	// DryRun.
	Duplicates int
	// Refused counts the contacts that start no run, by code. It is nil if there are none.
	Refused map[DecisionCode]int
	// Samples are the first contacts that a DryRun has seen, at most BulkSamples.
	Samples []BulkSample
}

// BulkSample is one contact of a DryRun.
type BulkSample struct {
	// Contact is the contact as the sequence gave it, with its id if it exists.
	Contact ContactRef
	// Refused is why it starts no run, or empty.
	Refused DecisionCode
}

// BulkSamples is how many samples a DryRun has at most.
const BulkSamples = 20

// DecisionContactUnknown is a code of Bulk.Refused: the contact does not exist. No Decision has
// it, because there is no event.
const DecisionContactUnknown DecisionCode = "contact_unknown"

// StartMany starts an automation for many contacts. For each of them there is an event, with the
// name that the trigger step has, which is addressed to the automation: it starts no other
// automation, and resumes no run. Contacts that do not exist are counted and left out.
//
// A store that is a BulkStarter, as those of this module are, writes the events and the runs of up
// to 1,000 contacts in one transaction. The rules of entry, and conditions before the first delay,
// wait or effect, then read the contact as it was right before that transaction, after all events
// of the contact that were accepted before the start. An event is left to a Run or a Drain, and is
// decided about when it is handled, as every event is: if the contact has events that are not
// handled yet, if starts are limited or depend on running runs (Reentry), and if the first wait
// looks back.
//
// First StartMany counts the contacts. If there are more than b.Max, it starts nothing, and the
// error wraps ErrConflict. So does an automation that is not enabled.
//
// If the process dies, or if ctx ends, the same call goes on: a contact that the bulk has started
// is not started again, until Options.IdempotencyWindow after the last start of the bulk. Several
// processes may make the call at the same time. The ID belongs to one automation and one payload:
// with another one the error wraps ErrConflict. StartMany remembers each contact that the bulk
// has started, in about 30 bytes.
//
// In a store that is no BulkStarter, each event has the idempotency key bulk/<ID>/<contact id>,
// which counts for Options.IdempotencyWindow and as long as the trigger has the same event.
//
// StartMany fails with a *ValidationError if b is invalid, which includes a payload that does
// not match the definition of the event, and with ErrNotFound if the automation does not exist.
// With an error, the Bulk has what was done before.
func (r *Runner) StartMany(ctx context.Context, b BulkStart) (Bulk, error) {
	s := bulkStart{Runner: r, BulkStart: b}
	if err := s.check(ctx); err != nil {
		return Bulk{}, err
	}
	err := s.count(ctx)
	if err == nil {
		err = s.begin(ctx)
	}
	if err == nil {
		err = s.walk(ctx)
	}
	if err != nil {
		err = fmt.Errorf("automation: bulk %s: %w", jsondoc.Quote(b.ID), err)
	}
	return s.done, err
}

// bulkStart is one call of StartMany.
type bulkStart struct {
	*Runner
	BulkStart
	event string    // the name of the events
	graph *Graph    // of a DryRun; nil if this process cannot compile it
	runs  *bulkRuns // nil if the store starts no runs itself, and for a DryRun
	done  Bulk
	owed  time.Duration // how long to wait before the next batch
}

// How many contacts StartMany starts at once, at most: as many as GetContacts reads or, in a store
// that starts no runs itself, fewer, because each event has an idempotency key.
const (
	bulkBatch  = 1000
	keyedBatch = 100
)

func (s *bulkStart) check(ctx context.Context) error {
	if err := s.problems().Err("bulk"); err != nil {
		return err
	}
	a, err := s.GetAutomation(ctx, s.AutomationID)
	if err != nil {
		return err
	}
	if trigger, ok := triggerOf(a); ok {
		s.event = trigger.EventName
	}
	if err := s.readGraph(ctx, a); err != nil {
		return err
	}
	if a.Status != StatusEnabled && !s.DryRun {
		return fmt.Errorf("automation: bulk %s: automation %s is %s, so its events would start nothing: enable it first: %w",
			jsondoc.Quote(s.ID), jsondoc.Quote(a.ID), a.Status, ErrConflict)
	}
	// Any contact will do: all events have the same name and payload.
	e := s.eventFor("contact")
	_, problems, err := s.sender().validateOne(ctx, s.store, &e, map[string]foundSchema{}, true)
	if err != nil {
		return fmt.Errorf("automation: bulk %s: %w", jsondoc.Quote(s.ID), err)
	}
	return problems.Err("bulk " + jsondoc.Quote(s.ID))
}

func (s *bulkStart) problems() (ps Problems) {
	const maxBulkID = 128
	switch flaw := idFlaw(s.ID); {
	case s.ID == "":
		ps.Add(CodeMissingField, "id", "the bulk has no id: give one, and give it again to go on")
	case flaw != "":
		ps.Add(CodeInvalidName, "id", "the id %s", flaw)
	case len(s.ID) > maxBulkID:
		ps.Add(CodeLimit, "id", "the id has %d bytes, the limit is %d: shorten it", len(s.ID), maxBulkID)
	case strings.Contains(s.ID, "/"):
		ps.Add(CodeInvalidName, "id", "the id %s must not contain a slash", jsondoc.Quote(s.ID))
	}
	if s.AutomationID == "" {
		ps.Add(CodeMissingField, "automation_id", "the automation is missing: give its id")
	}
	if s.Contacts == nil {
		ps.Add(CodeMissingField, "contacts", "the contacts are missing: give a sequence, such as that of ContactsWhere")
	}
	if s.Max < 1 {
		ps.Add(CodeLimit, "max", "the limit %d is missing or too low: give the most contacts that the bulk may reach", s.Max)
	}
	if s.Rate < 0 {
		ps.Add(CodeLimit, "rate", "the rate %d is negative: give how many runs to start a minute, or 0 for no limit", s.Rate)
	}
	return ps
}

// triggerOf returns the config of an automation's trigger.
func triggerOf(a Automation) (Trigger, bool) {
	if len(a.Steps) == 0 {
		return Trigger{}, false
	}
	trigger, ok := plainConfig(a.Steps[0].Config).(Trigger)
	return trigger, ok
}

// eventFor returns the event for a contact.
func (s *bulkStart) eventFor(contactID string) Event {
	return Event{
		Name: s.event, AutomationID: s.AutomationID, ContactID: contactID, Payload: s.Payload,
		IdempotencyKey: s.keyOf(contactID),
	}
}

// keyOf returns the idempotency key of the event for a contact. The id of a contact may be as
// long as a key, and is replaced by its hash then.
func (s *bulkStart) keyOf(contactID string) string {
	key := "bulk/" + s.ID + "/" + contactID
	if len(key) <= maxIDBytes {
		return key
	}
	hash := sha256.Sum256([]byte(contactID))
	return "bulk/" + s.ID + "//" + hex.EncodeToString(hash[:])
}

// count counts the contacts.
func (s *bulkStart) count(ctx context.Context) error {
	for _, err := range s.Contacts {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if s.done.Contacts++; s.done.Contacts > s.Max {
			return fmt.Errorf("there are more than %d contacts, so none is started: select fewer, or raise Max: %w", s.Max, ErrConflict)
		}
	}
	return nil
}

// walk starts the automation for the contacts, batch by batch. Contacts that were made since
// they were counted may not exceed the limit either.
func (s *bulkStart) walk(ctx context.Context) error {
	size := keyedBatch
	if s.runs != nil {
		size = bulkBatch
	}
	if s.Rate > 0 {
		size = min(size, max(1, s.Rate/60)) // about one batch a second
	}
	batch, seen := make([]ContactRef, 0, size), 0
	for ref, err := range s.Contacts {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if seen++; seen > s.Max {
			return errors.Join(s.send(ctx, batch), fmt.Errorf("contacts were made since %d were counted, and the limit of %d is reached: %w",
				s.done.Contacts, s.Max, ErrConflict))
		}
		if batch = append(batch, ref); len(batch) < size {
			continue
		}
		if err := s.send(ctx, batch); err != nil {
			return err
		}
		batch = batch[:0]
	}
	return s.send(ctx, batch)
}

// maxBulkTries is how often a batch is sent at most, if its contacts are deleted meanwhile.
const maxBulkTries = 5

// bulkContact is a contact of a batch.
type bulkContact struct {
	Contact              // if it exists
	ref     ContactRef   // as the sequence has it
	refused DecisionCode // why it starts no run, or empty
}

// send starts the automation for a batch of contacts.
func (s *bulkStart) send(ctx context.Context, batch []ContactRef) error {
	if len(batch) == 0 {
		return nil
	}
	if s.owed > 0 {
		s.pause(ctx, s.owed)
	}
	if s.runs != nil {
		return s.startRuns(ctx, batch)
	}
	for try := 1; ; try++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		found, err := s.find(ctx, batch)
		if err != nil {
			return err
		}
		if s.DryRun {
			s.sample(found)
			return nil
		}
		err = s.accept(ctx, found)
		if errors.Is(err, ErrNotFound) && try < maxBulkTries {
			continue // a contact was deleted since it was found
		}
		return err
	}
}

// find finds the contacts of a batch, and decides which of them start no run.
func (s *bulkStart) find(ctx context.Context, batch []ContactRef) ([]bulkContact, error) {
	var ids []string
	for _, ref := range batch {
		if ref.ID != "" {
			ids = append(ids, ref.ID)
		}
	}
	byID, err := s.GetContacts(ctx, ids)
	if err != nil {
		return nil, err
	}
	found := make([]bulkContact, len(batch))
	for i, ref := range batch {
		c, ok := byID[ref.ID]
		if ref.ID == "" {
			c, err = s.findContact(ctx, ref)
			if ok = err == nil; err != nil && !errors.Is(err, ErrNotFound) {
				return nil, fmt.Errorf("contact: %w", err) // a log may get the error: no address in it
			}
		}
		refused, err := s.refusal(ctx, &c, ok)
		if err != nil {
			return nil, err
		}
		found[i] = bulkContact{Contact: c, ref: ref, refused: refused}
	}
	return found, nil
}

// refuse counts contacts that start no run.
func (s *bulkStart) refuse(code DecisionCode, n int) {
	if n == 0 {
		return
	}
	if s.done.Refused == nil {
		s.done.Refused = map[DecisionCode]int{}
	}
	s.done.Refused[code] += n
}

// sample counts a batch, and sends nothing.
func (s *bulkStart) sample(found []bulkContact) {
	for _, c := range found {
		if len(s.done.Samples) < BulkSamples {
			sample := BulkSample{Contact: c.ref, Refused: c.refused}
			if c.ID != "" {
				sample.Contact.ID = c.ID
			}
			s.done.Samples = append(s.done.Samples, sample)
		}
		if c.refused != "" {
			s.refuse(c.refused, 1)
		} else {
			s.done.Accepted++
		}
	}
}

// accept sends the events of a batch.
func (s *bulkStart) accept(ctx context.Context, found []bulkContact) error {
	var events []Event
	known := knownContacts{}
	for _, c := range found {
		if c.refused == "" {
			events = append(events, s.eventFor(c.ID))
			known[c.ID] = true
		}
	}
	sender := s.sender()
	if sender.contacts != nil {
		sender.contacts = known
	}
	receipts, kept, err := sender.send(ctx, s.store, events)
	if err != nil {
		return err
	}
	for _, c := range found {
		if c.refused != "" {
			s.refuse(c.refused, 1)
		}
	}
	accepted := 0
	for i, receipt := range receipts {
		if receipt.Duplicate {
			s.done.Duplicates++
			continue
		}
		accepted++
		if s.opts.Observer != nil {
			s.observe(&EventAccepted{At: kept[i].Event.AcceptedAt, Event: kept[i].Event})
		}
	}
	s.accepted(accepted)
	return nil
}

// accepted counts the events that a batch has sent, and how long to wait for them.
func (s *bulkStart) accepted(n int) {
	s.done.Accepted += n
	if s.owed = 0; s.Rate > 0 {
		s.owed = time.Duration(n) * time.Minute / time.Duration(s.Rate)
	}
	s.wake()
}

// knownContacts are the ids of contacts that were just found in the contact directory, so that
// the sender of their events need not find them again.
type knownContacts map[string]bool

func (k knownContacts) FindContact(_ context.Context, ref ContactRef) (Contact, error) {
	if !k[ref.ID] {
		return Contact{}, fmt.Errorf("contact %q: %w", ref.ID, ErrNotFound)
	}
	return Contact{ID: ref.ID}, nil
}
