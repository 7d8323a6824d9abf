package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/store/postgres"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

// ourContestants are this library on its three stores, all with Options{}: a Runner in the
// process that sends the events, and on Postgres further Runners in further processes.
func ourContestants() []contestant {
	waiting := []int{1_000, 10_000, 100_000, 1_000_000}
	inMemory := map[string][]int{
		"w1": {10_000}, "w2": {100_000}, "w3": waiting, "w4": {100_000}, "w5": {1_000_000}, "w8": {30_000}, "w9": {20_000}, "w10": {100_000},
		"w12": {1_000_000}, "w13": {100_000, 1_000_000}, "w14": {50_000},
	}
	sizes := maps.Clone(inMemory)
	sizes["w11"], sizes["w13"] = []int{1_000_000}, []int{100_000, 10_000_000}
	grown := maps.Clone(sizes)
	grown["w7"] = []int{1_000, 10_000, 100_000, 1_000_000}
	return []contestant{
		{Engine: "automation", Store: onMemory, Settings: "defaults", Open: openOnMemory, Sizes: inMemory, Made: 20_000, Lacks: also(nil, "its runs end with the process", "w11")},
		{Engine: "automation", Store: onSQLite, Settings: "sqlitefile.Open: WAL, synchronous=FULL; 1,024 senders", Open: openOnSQLite, Sizes: sizes, Made: 7_000, Senders: 1_024},
		{
			Engine: "automation", Store: onPostgres, Settings: "a pool of 20 connections for each node; 1,024 senders", Senders: 1_024,
			Open: openOnPostgres, Sizes: grown, Made: 7_000,
		},
		// 10,000 runs end before further processes have started.
		{
			Engine: "automation-nodes", Store: onPostgres, Settings: "the same, with more runs and in one, two and four processes", Senders: 1_024,
			Open: openOnPostgres, Sizes: map[string][]int{"w1": {50_000}, "w14": {50_000}}, Nodes: []int{1, 2, 4},
			Lacks: also(nil, itAgain, "w2", "w3", "w4", "w5", "w8", "w9", "w10", "w11", "w12", "w13"),
		},
	}
}

// itAgain is why a contestant lacks a work that "automation" does in the same way. The tables
// leave this reason out.
const itAgain = "it is automation again"

// connections is how many connections to Postgres each engine has.
const connections = 20

func openOnMemory(ctx context.Context, s setting) (engine, error) {
	return openRunner(ctx, memory.New(), s, func() error { return nil })
}

func openOnSQLite(ctx context.Context, s setting) (engine, error) {
	store, err := sqlitefile.Open(ctx, s.File)
	if err != nil {
		return nil, err
	}
	return openRunner(ctx, store, s, store.Close)
}

func openOnPostgres(ctx context.Context, s setting) (engine, error) {
	pool, err := openPool(ctx, s.Postgres)
	if err != nil {
		return nil, err
	}
	store, err := postgres.New(pool, postgres.Options{})
	if err == nil {
		err = store.Migrate(ctx)
	}
	if err != nil {
		pool.Close()
		return nil, err
	}
	return openRunner(ctx, store, s, func() error {
		defer pool.Close()
		return store.Close()
	})
}

func openPool(ctx context.Context, url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = connections
	return pgxpool.NewWithConfig(ctx, config)
}

// ours is a Runner on a store.
type ours struct {
	store   automation.Store
	runner  *automation.Runner
	api     http.Handler
	options automation.Options
	sink    *sink
	work    func(context.Context, *automation.Runner) error // Runner.Run, or what takes its place
	release func() error                                    // closes the store

	stop  context.CancelFunc
	ended chan error
}

func openRunner(ctx context.Context, store automation.Store, s setting, release func() error) (engine, error) {
	return openOurs(ctx, store, s, func(ctx context.Context, r *automation.Runner) error { return r.Run(ctx) }, release)
}

func openOurs(ctx context.Context, store automation.Store, s setting, work func(context.Context, *automation.Runner) error, release func() error) (*ours, error) {
	e := &ours{store: store, sink: s.Sink, work: work, release: release}
	if !needsContacts(s.Work) {
		e.options.Contacts = everyone{}
	}
	var err error
	if e.runner, err = automation.New(store, e, e.options); err != nil {
		return nil, errors.Join(err, release())
	}
	for _, a := range []automation.Automation{ourFlow, ourSleep, ourWait} {
		if _, err := e.runner.Apply(ctx, a); err != nil {
			return nil, errors.Join(err, release())
		}
	}
	if err := e.newAPI(); err != nil {
		return nil, errors.Join(err, release())
	}
	e.serve(e.runner)
	return e, nil
}

// serve runs a Runner in the background until halt is called.
func (e *ours) serve(r *automation.Runner) {
	ctx, stop := context.WithCancel(context.Background())
	e.stop, e.ended = stop, make(chan error, 1)
	go func() { e.ended <- e.work(ctx, r) }()
}

func (e *ours) halt() error {
	e.stop()
	if err := <-e.ended; !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// Close implements engine.
func (e *ours) Close() error { return errors.Join(e.halt(), e.release()) }

// SendEmail implements automation.Mailer.
func (e *ours) SendEmail(_ context.Context, email automation.Email) (string, error) {
	i, err := numberOf(email.Contact.ID)
	if err != nil {
		return "", automation.Permanent(err)
	}
	e.sink.deliver(i)
	return "sunk", nil
}

// idPrefix makes contact ids UUIDs, as most ids are.
const idPrefix = "0195a3c0-7d00-7000-8000-"

func idOf(i int) string { return fmt.Sprintf("%s%012x", idPrefix, i) }

func numberOf(id string) (int, error) {
	i, err := strconv.ParseInt(strings.TrimPrefix(id, idPrefix), 16, 64)
	return int(i), err
}

// Populate implements engine.
func (e *ours) Populate(ctx context.Context, n int) error { return populate(ctx, e.runner, n) }

func populate(ctx context.Context, r *automation.Runner, n int) error {
	return together(senders, 0, n, func(i int) error {
		_, err := r.CreateContact(ctx, automation.Contact{ID: idOf(i), Email: fmt.Sprintf("c%d@example.com", i)})
		return err
	})
}

// Flow implements engine.
func (e *ours) Flow(ctx context.Context, i int) error {
	_, err := e.runner.Send(ctx, flowEvent(i))
	return err
}

// flowEvent is the event that starts a run of Flow.
func flowEvent(i int) automation.Event {
	return automation.Event{
		Name: "user.created", ContactID: idOf(i),
		Payload: json.RawMessage(`{"plan":"` + plan + `","name":"` + firstName(i) + `"}`),
	}
}

// Finished implements engine.
func (e *ours) Finished(ctx context.Context) (int, error) {
	return e.standing(ctx, ourFlow.ID, automation.RunCompleted)
}

// standing counts the runs of an automation that have a status.
func (e *ours) standing(ctx context.Context, id string, status automation.RunStatus) (int, error) {
	counts, err := e.runner.CountRuns(ctx, id)
	n := 0
	for _, c := range counts {
		if c.Status == status {
			n += c.Count
		}
	}
	return n, err
}

// Changed implements engine.
func (e *ours) Changed(ctx context.Context) (int, error) {
	n := 0
	for c, err := range automation.Each(ctx, e.runner.ListContacts, automation.ContactQuery{}) {
		if err != nil {
			return 0, err
		}
		i, err := numberOf(c.ID)
		if err != nil {
			return 0, err
		}
		if c.FirstName == firstName(i) {
			n++
		}
	}
	return n, nil
}

// eventBatch is how many events are sent in one call where the work allows it.
const eventBatch = 1000

// Campaign implements campaigner.
func (e *ours) Campaign(ctx context.Context, n int) error {
	return sendEach(ctx, e.runner, 0, n, flowEvent, nil)
}

// Sleep implements sleeper. The delay of an automation has a fixed length of 30 days. To get
// runs that are due soon, Sleep starts them 30 days earlier: with a clock that stands at
// that time, and with Drain, because a Runner with the real clock would start them now.
func (e *ours) Sleep(ctx context.Context, from, to int, due time.Time) error {
	began := due.Add(-forever)
	if time.Since(began) < time.Minute {
		return e.send(ctx, e.runner, "user.left", from, to, nil)
	}
	if err := e.halt(); err != nil {
		return err
	}
	defer e.serve(e.runner)
	options := e.options
	options.Clock = stopped(began)
	past, err := automation.New(e.store, e, options)
	if err != nil {
		return err
	}
	return e.send(ctx, past, "user.left", from, to, func() error {
		_, err := past.Drain(ctx)
		return err
	})
}

// send sends an event to each of these contacts, in batches.
func (e *ours) send(ctx context.Context, r *automation.Runner, name string, from, to int, after func() error) error {
	return sendEach(ctx, r, from, to, func(i int) automation.Event { return automation.Event{Name: name, ContactID: idOf(i)} }, after)
}

// sendEach sends the events of the numbers from the first to the second, which is excluded, in
// batches, and calls after, if there is one, after each of them.
func sendEach(ctx context.Context, r *automation.Runner, from, to int, event func(i int) automation.Event, after func() error) error {
	for at := from; at < to; at += eventBatch {
		events := make([]automation.Event, 0, eventBatch)
		for i := at; i < min(at+eventBatch, to); i++ {
			events = append(events, event(i))
		}
		if _, err := r.Send(ctx, events...); err != nil {
			return err
		}
		if after == nil {
			continue
		}
		if err := after(); err != nil {
			return err
		}
	}
	return nil
}

// Sleeping implements sleeper.
func (e *ours) Sleeping(ctx context.Context) (int, error) {
	return e.standing(ctx, ourSleep.ID, automation.RunRunning)
}

// Wait implements waiter.
func (e *ours) Wait(ctx context.Context, from, to int) error {
	return e.send(ctx, e.runner, "user.invited", from, to, nil)
}

// Waiting implements waiter.
func (e *ours) Waiting(ctx context.Context) (int, error) {
	return e.standing(ctx, ourWait.ID, automation.RunRunning)
}

// Signal implements waiter.
func (e *ours) Signal(ctx context.Context, i int) error {
	_, err := e.runner.Send(ctx, automation.Event{Name: "user.active", ContactID: idOf(i)})
	return err
}

// ListRunning implements lister.
func (e *ours) ListRunning(ctx context.Context) (int, error) {
	runs, err := e.runner.ListRuns(ctx, automation.RunQuery{
		Statuses: []automation.RunStatus{automation.RunRunning}, PageQuery: automation.PageQuery{Limit: page},
	})
	return len(runs.Data), err
}

// ListOfContact implements lister.
func (e *ours) ListOfContact(ctx context.Context, i int) (int, error) {
	runs, err := e.runner.ListRuns(ctx, automation.RunQuery{ContactID: idOf(i), PageQuery: automation.PageQuery{Limit: page}})
	return len(runs.Data), err
}

// CountRuns implements lister.
func (e *ours) CountRuns(ctx context.Context) (int, error) {
	n := 0
	counts, err := e.runner.CountRuns(ctx, ourWait.ID)
	for _, c := range counts {
		n += c.Count
	}
	return n, err
}

// ourFlow is the automation of w1, ourSleep of w2 and w4, and ourWait of w3 and w5.
var (
	ourFlow = automation.Automation{
		ID: "flow", Name: "Flow", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "start", Config: automation.Trigger{EventName: "user.created"}},
			{Key: "pro", Config: automation.Condition{Rule: automation.Field("event.plan").Eq(plan)}},
			{Key: "update", Config: automation.ContactUpdate{FirstName: automation.Var("event.name")}},
			email,
		},
		Connections: []automation.Connection{
			{From: "start", To: "pro"},
			{From: "pro", To: "update", Type: automation.ConnectionConditionMet},
			{From: "update", To: "welcome"},
		},
	}
	ourSleep = automation.Automation{
		ID: "sleep", Name: "Sleep", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "start", Config: automation.Trigger{EventName: "user.left"}},
			{Key: "sleep", Config: automation.Delay{Duration: automation.MustParseDuration("30 days")}},
			email,
		},
		Connections: []automation.Connection{{From: "start", To: "sleep"}, {From: "sleep", To: "welcome"}},
	}
	ourWait = automation.Automation{
		ID: "wait", Name: "Wait", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "start", Config: automation.Trigger{EventName: "user.invited"}},
			{Key: "wait", Config: automation.WaitForEvent{EventName: "user.active", Timeout: automation.MustParseDuration("30 days")}},
			email,
		},
		Connections: []automation.Connection{
			{From: "start", To: "wait"},
			{From: "wait", To: "welcome", Type: automation.ConnectionEventReceived},
		},
	}
	email = automation.Step{Key: "welcome", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "welcome"}}}
)

// stopped is a clock that stands still.
type stopped time.Time

// Now implements automation.Clock.
func (c stopped) Now() time.Time { return time.Time(c) }

// After implements automation.Clock. No code waits for this clock.
func (c stopped) After(time.Duration) <-chan time.Time { return nil }

// needsContacts reports whether the runs of a work change contacts of the store. The other works have
// everyone as their contacts.
func needsContacts(work string) bool {
	return slices.Contains([]string{"w1", "w8", "w9", "w10", "w12", "w13", "w14"}, work)
}

// everyone is a contact directory with a contact for every id, for the works in which the
// peers have no contacts.
type everyone struct{}

func (everyone) FindContact(_ context.Context, ref automation.ContactRef) (automation.Contact, error) {
	return automation.Contact{ID: ref.ID, Email: "c" + ref.ID + "@example.com"}, nil
}

func (everyone) CreateContact(_ context.Context, email string) (automation.Contact, error) {
	return automation.Contact{ID: email, Email: email}, nil
}

func (e everyone) UpdateContact(ctx context.Context, id string, _ automation.ContactChange) (automation.Contact, error) {
	return e.FindContact(ctx, automation.ContactRef{ID: id})
}

func (everyone) DeleteContact(context.Context, string) error { return nil }
