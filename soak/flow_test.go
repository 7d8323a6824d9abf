//go:build unix

package soak

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
)

// The ids of the automations.
const (
	orderFlow   = "order"
	receiptFlow = "receipt"
	signupFlow  = "signup"
	cartFlow    = "cart"
	invoiceFlow = "invoice"
	giftFlow    = "gift"
)

// The names of the events.
const (
	evSignup = "signup.done"
	evOrder  = "order.placed"
	evReview = "order.reviewed"
	evClose  = "account.closed"
	evView   = "page.viewed"
)

const (
	// reviewTimeout is about the time between two events of a contact, so that some
	// waits get their event and others time out.
	reviewTimeout = 300 * time.Millisecond
	pause         = 100 * time.Millisecond
	// matchingScore is the least score of a review that a run waits for.
	matchingScore = 3
	goldSegment   = "gold"
	goldPlan      = "gold"
	basicPlan     = "basic"
	// longReview is the length of the text of a review with the best score. It makes the output
	// of a wait so large that the store keeps it beside the state of the run.
	longReview = 5 << 10
	bestScore  = 5
)

// startedBy holds the automations of which an event starts a run. In addition, the first order of
// a contact with each plan starts one of giftFlow.
var startedBy = map[string][]string{
	evSignup: {signupFlow},
	evOrder:  {orderFlow, receiptFlow, invoiceFlow},
	evView:   {cartFlow},
}

// flows returns the automations, which use every type of step except contact_delete.
func flows() []automation.Automation {
	return []automation.Automation{order(), receipt(), signup(), cart(), invoice(), gift()}
}

func order() automation.Automation {
	return automation.Automation{
		ID: orderFlow, Name: "Order", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "placed", Config: automation.Trigger{EventName: evOrder}},
			{Key: "mark", Config: set("last_order", "event.n")},
			{Key: "tier", Config: automation.Condition{Rule: automation.Field("event.plan").Eq(goldPlan)}},
			{Key: "tag", Config: automation.AddToSegment{SegmentID: goldSegment}},
			{Key: "pause", Config: automation.Delay{Duration: automation.DurationOf(pause)}},
			{Key: "thanks", Config: email("thanks", "last", "contact.properties.last_order")},
			{Key: "review", Config: automation.WaitForEvent{
				EventName: evReview, Timeout: automation.DurationOf(reviewTimeout),
				FilterRule: automation.Field("event.score").Gte(matchingScore),
			}},
			{Key: "praise", Config: set("last_review", "wait_events."+evReview+".n")},
			{Key: "glad", Config: email("glad", "cause", "wait_events."+evReview+".n")},
			{Key: "nudge", Config: email("nudge")},
		},
		Connections: []automation.Connection{
			{From: "placed", To: "mark"},
			{From: "mark", To: "tier"},
			{From: "tier", To: "tag", Type: automation.ConnectionConditionMet},
			{From: "tier", To: "pause", Type: automation.ConnectionConditionNotMet},
			{From: "tag", To: "thanks"},
			{From: "pause", To: "thanks"},
			{From: "thanks", To: "review"},
			{From: "review", To: "praise", Type: automation.ConnectionEventReceived},
			{From: "praise", To: "glad"},
			{From: "review", To: "nudge", Type: automation.ConnectionTimeout},
		},
	}
}

func receipt() automation.Automation {
	once := email("receipt")
	once.Delivery = automation.AtMostOnce
	return automation.Automation{
		ID: receiptFlow, Name: "Receipt", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "placed", Config: automation.Trigger{EventName: evOrder}},
			{Key: "once", Config: once},
		},
		Connections: []automation.Connection{{From: "placed", To: "once"}},
	}
}

func signup() automation.Automation {
	return automation.Automation{
		ID: signupFlow, Name: "Signup", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "joined", Config: automation.Trigger{EventName: evSignup}},
			{Key: "closing", Config: automation.WaitForEvent{EventName: evClose}},
			{Key: "leave", Config: set("last_close", "wait_events."+evClose+".n")},
			{Key: "bye", Config: email("bye", "cause", "wait_events."+evClose+".n")},
		},
		Connections: []automation.Connection{
			{From: "joined", To: "closing"},
			{From: "closing", To: "leave"},
			{From: "leave", To: "bye"},
		},
	}
}

// cart has one run for each person and plan: a later view replaces it, an order with the plan
// ends it, and nodes cancel some.
func cart() automation.Automation {
	return automation.Automation{
		ID: cartFlow, Name: "Cart", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "viewed", Config: automation.Trigger{EventName: evView}},
			{Key: "rest", Config: automation.Delay{Duration: automation.DurationOf(pause)}},
			{Key: "reminder", Config: email("reminder")},
			{Key: "last", Config: email("last")},
		},
		Connections: []automation.Connection{{From: "viewed", To: "rest"}, {From: "rest", To: "reminder"}, {From: "reminder", To: "last"}},
		Entry:       &automation.Entry{Reentry: automation.Reentry{Key: "event.plan", WhileRunning: automation.ReentryRestart}},
		Exit:        &automation.Exit{Events: []automation.Listener{{EventName: evOrder, Match: []automation.Match{{Event: "plan"}}}}},
	}
}

// invoice has an email that the mailer rejects now and then, so that its run fails. Nodes retry
// some of these runs. A review ends a run, also one that failed before the review and is retried.
func invoice() automation.Automation {
	return automation.Automation{
		ID: invoiceFlow, Name: "Invoice", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "placed", Config: automation.Trigger{EventName: evOrder}},
			{Key: "number", Config: set("last_invoice", "event.n")},
			{Key: "bill", Config: email(billTemplate)},
			{Key: "filed", Config: email("filed")},
		},
		Connections: []automation.Connection{{From: "placed", To: "number"}, {From: "number", To: "bill"}, {From: "bill", To: "filed"}},
		Exit:        &automation.Exit{Events: []automation.Listener{{EventName: evReview}}},
	}
}

// billTemplate is the template of the emails that the mailer rejects now and then.
const billTemplate = "bill"

// gift starts once for each plan of a contact, although its runs are pruned.
func gift() automation.Automation {
	return automation.Automation{
		ID: giftFlow, Name: "Gift", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "placed", Config: automation.Trigger{EventName: evOrder}},
			{Key: "gift", Config: email("gift")},
		},
		Connections: []automation.Connection{{From: "placed", To: "gift"}},
		Entry:       &automation.Entry{Reentry: automation.Reentry{Key: "event.plan", Limit: 1}},
	}
}

func set(property, reference string) automation.ContactUpdate {
	return automation.ContactUpdate{Properties: map[string]automation.Value{property: automation.Var(reference)}}
}

// email returns a step whose email has the number of the event that started the run, and
// further variables by name and reference.
func email(template string, more ...string) automation.SendEmail {
	variables := map[string]automation.Value{"n": automation.Var("event.n")}
	for i := 0; i < len(more); i += 2 {
		variables[more[i]] = automation.Var(more[i+1])
	}
	return automation.SendEmail{Template: automation.TemplateRef{ID: template, Variables: variables}}
}

// Event is an event that the ledger gives to a node to send, or the removal of a contact.
type Event struct {
	Person  int
	Life    int // counts the contacts that the person had before
	N       int // counts what the person does, from 1
	Name    string
	ID      string // of the contact; empty for an event by email
	Email   string
	Plan    string
	Score   int
	SendKey string // its idempotency key
	Removal removal
}

// removal is how a contact is removed. It is empty for an event.
type removal string

const (
	deletion removal = "deletion"
	erasure  removal = "erasure"
)

func (e Event) event() automation.Event {
	payload := map[string]any{"n": e.N, "plan": e.Plan, "score": e.Score}
	if e.Score == bestScore && e.Name == evReview {
		payload["text"] = strings.Repeat("good ", longReview/5)
	}
	return automation.Event{
		Name: e.Name, ContactID: e.ID, Email: e.Email, IdempotencyKey: e.SendKey, Payload: automation.Payload(payload),
	}
}

// script makes the events of one person. Now and then the person's contact is removed. The next
// event makes a new one.
type script struct {
	random *rand.Rand
	person int
	id     string // of the contact; empty for a person without a contact at first
	n      int
	life   int
	sent   int // events of this life
}

func address(person int) string { return fmt.Sprintf("person%d@example.com", person) }

func (s *script) next(mayLeave bool) Event {
	s.n++
	e := Event{Person: s.person, Life: s.life, N: s.n, Email: address(s.person), SendKey: fmt.Sprintf("%d-%d", s.person, s.n)}
	if mayLeave && s.sent > 3 && s.random.IntN(12) == 0 {
		e.ID, e.Removal = s.id, []removal{deletion, erasure}[(s.person+s.life)%2]
		s.id, s.life, s.sent = "", s.life+1, 0
		return e
	}
	s.sent++
	e.Name, e.Plan, e.Score = s.name(), basicPlan, 1+s.random.IntN(bestScore)
	if s.random.IntN(2) == 0 {
		e.Plan = goldPlan
	}
	switch {
	case s.id != "" && s.random.IntN(2) == 0:
		e.ID, e.Email = s.id, ""
	case s.random.IntN(2) == 0:
		e.Email = strings.ToUpper(e.Email)
	}
	return e
}

func (s *script) name() string {
	if s.sent == 1 {
		return evSignup
	}
	switch draw := s.random.IntN(100); {
	case draw < 40:
		return evOrder
	case draw < 65:
		return evReview
	case draw < 70:
		return evClose
	case draw < 75:
		return evSignup
	default:
		return evView
	}
}
