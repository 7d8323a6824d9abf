package automation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// hooked is a store some of whose methods are replaced.
type hooked struct {
	automation.Store
	onCommit      func(ctx context.Context, next automation.Store, ts []automation.Transition) ([]automation.CommitResult, error)
	onEvents      func(ctx context.Context) error
	onClaim       func(works []automation.Work)
	onFindDef     func(ctx context.Context) error
	onFindContact func(ctx context.Context) error
	onListRuns    func() error
}

func (h *hooked) Unwrap() automation.Store { return h.Store }

func (h *hooked) Commit(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error) {
	if h.onCommit != nil {
		return h.onCommit(ctx, h.Store, ts)
	}
	return h.Store.Commit(ctx, ts)
}
func (h *hooked) ListContactEvents(ctx context.Context, id, name string, since time.Time) ([]automation.Event, error) {
	if h.onEvents != nil {
		if err := h.onEvents(ctx); err != nil {
			return nil, err
		}
	}
	return h.Store.ListContactEvents(ctx, id, name, since)
}
func (h *hooked) Claim(ctx context.Context, p automation.ClaimParams) ([]automation.Work, error) {
	w, err := h.Store.Claim(ctx, p)
	if h.onClaim != nil {
		h.onClaim(w)
	}
	return w, err
}
func (h *hooked) FindAutomationVersion(ctx context.Context, v automation.VersionRef) ([]byte, error) {
	if h.onFindDef != nil {
		if err := h.onFindDef(ctx); err != nil {
			return nil, err
		}
	}
	return h.Store.FindAutomationVersion(ctx, v)
}
func (h *hooked) FindContact(ctx context.Context, ref automation.ContactRef) (automation.Contact, error) {
	if h.onFindContact != nil {
		if err := h.onFindContact(ctx); err != nil {
			return automation.Contact{}, err
		}
	}
	return h.Store.FindContact(ctx, ref)
}
func (h *hooked) ListRuns(ctx context.Context, q automation.RunQuery) (automation.Page[automation.RunRecord], error) {
	if h.onListRuns != nil {
		if err := h.onListRuns(); err != nil {
			return automation.Page[automation.RunRecord]{}, err
		}
	}
	return h.Store.ListRuns(ctx, q)
}

func lookback(key, event string) automation.Step {
	return automation.Step{Key: key, Config: automation.WaitForEvent{EventName: event, Timeout: automation.MustParseDuration("30 days"), Lookback: true}}
}

func naming(name string) automation.Step {
	return automation.Step{Key: "name", Config: automation.ContactUpdate{FirstName: automation.String(name)}}
}

// 1
func TestDrain_StorageErrorOfOneTransitionLeavesTheOthersAlone(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{Delivery: automation.AtMostOnce})
	r.create(linear("welcome", "signup", mailing("hello")))
	r.contacts(3)
	failed := false
	store := &hooked{Store: r.store}
	store.onCommit = func(ctx context.Context, next automation.Store, ts []automation.Transition) ([]automation.CommitResult, error) {
		if failed || len(ts) < 3 {
			return next.Commit(ctx, ts)
		}
		failed = true
		rest, err := next.Commit(ctx, ts[1:])
		return append([]automation.CommitResult{{Err: errOutage}}, rest...), err
	}
	node := r.on(store, r.opts)
	r.send(signups(3)...)
	_, err := node.Drain(r.ctx)
	require.ErrorIs(t, err, errOutage)
	assert.Len(t, r.mailer.Emails(), 2, "the two whose transitions were written go on")
	r.clock.Add(2 * time.Second)
	_, err = node.Drain(r.ctx)
	require.NoError(t, err)
	for _, run := range r.runs() {
		assert.Equal(t, automation.RunCompleted, run.Status, fmt.Sprint(run.Error))
	}
}

// 2
func TestRun_EndsThoughATransitionFailsWhileOthersAreOnTheirWay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{ShutdownTimeout: time.Second})
		gates := map[string]*gate{}
		for _, k := range []string{"one", "two", "three"} {
			gates[k] = newGate()
			r.create(linear(k, "signup", mailing(k), delaying("rest", "1 day")))
		}
		r.mailer.Respond = func(ctx context.Context, e automation.Email) error { return gates[e.TemplateID].respond(ctx, e) }
		r.contact(automation.Contact{ID: "ada", Email: "ada@example.com"})
		store := &hooked{Store: r.store}
		n := 0
		hold1, hold2 := make(chan struct{}), make(chan struct{})
		store.onCommit = func(ctx context.Context, next automation.Store, ts []automation.Transition) ([]automation.CommitResult, error) {
			if len(ts) == 1 && len(ts[0].Runs) == 1 {
				switch n++; n {
				case 1: // the outcome of one
					<-hold1
					return []automation.CommitResult{{Err: errOutage}}, nil
				case 2: // the outcome of two
					<-hold2
				}
			}
			return next.Commit(ctx, ts)
		}
		stop := r.serve(r.on(store, r.opts))
		r.send(signup("ada@example.com"))
		synctest.Wait()
		close(gates["one"].open)
		synctest.Wait() // its outcome is being written
		close(gates["two"].open)
		synctest.Wait() // queued behind it
		close(hold1)
		synctest.Wait() // one has failed, two is being written
		close(gates["three"].open)
		synctest.Wait()
		close(hold2)
		synctest.Wait()
		done := make(chan struct{})
		go func() { _ = stop(); close(done) }()
		select {
		case <-done:
		case <-time.After(10 * time.Minute):
			t.Error("Run does not return")
			panic("Run does not return") // else the bubble deadlocks
		}
	})
}

// 3
func TestFailedLookBackLosesNoOutcome(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{Delivery: automation.AtMostOnce})
	r.create(linear("welcome", "signup", mailing("hello"), lookback("wait", "active")))
	store := &hooked{Store: r.store}
	fails := 1
	store.onEvents = func(context.Context) error {
		if fails--; fails == 0 {
			return errOutage
		}
		return nil
	}
	node := r.on(store, r.opts)
	r.send(signup("ada@example.com"))
	_, _ = node.Drain(r.ctx)
	r.clock.Add(2 * time.Second)
	_, err := node.Drain(r.ctx)
	require.NoError(t, err)
	require.Len(t, r.sent(), 1)
	assert.Equal(t, automation.RunRunning, r.run().Status, fmt.Sprint(r.run().Error))
}

// 4
func TestRun_QueuedEmailSeesWhatHappensMeanwhile(t *testing.T) {
	tests := map[string]func(r *rig){
		"unsubscribed": func(r *rig) {
			yes := true
			_, err := r.UpdateContact(r.ctx, "bob", automation.ContactChange{Unsubscribed: &yes})
			require.NoError(r.t, err)
		},
		"cancelled": func(r *rig) {
			page, _ := r.ListRuns(r.ctx, automation.RunQuery{ContactID: "bob"})
			_, err := r.CancelRun(r.ctx, page.Data[0].ID)
			require.NoError(r.t, err)
		},
		"deleted": func(r *rig) { require.NoError(r.t, r.DeleteContact(r.ctx, "bob")) },
	}
	for name, meanwhile := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := setupReal(t, automation.Options{Concurrency: 1, EffectTimeout: time.Hour})
				r.create(linear("welcome", "signup", mailing("hello")))
				for _, n := range []string{"ada", "bob"} {
					r.contact(automation.Contact{ID: n, Email: n + "@example.com"})
				}
				g := newGate()
				r.mailer.Respond = g.respond
				r.serve(r.Runner)
				r.send(signup("ada@example.com"))
				synctest.Wait()
				r.send(signup("bob@example.com"))
				let(10 * time.Minute) // bob's email waits its turn
				meanwhile(r)
				let(time.Minute)
				close(g.open)
				let(time.Minute)
				assert.Empty(t, r.mailer.To("bob@example.com"))
			})
		})
	}
}

// 5
func TestCancelDuringAnEmailStopsTheContactChangeAfterIt(t *testing.T) {
	for name, step := range map[string]automation.Step{
		"update": naming("changed"),
		"delete": {Key: "delete", Config: automation.ContactDelete{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := setup(t, automation.Options{})
			r.contact(automation.Contact{ID: "ada", Email: "ada@example.com"})
			r.create(linear("welcome", "signup", mailing("hello"), step))
			r.mailer.Respond = func(context.Context, automation.Email) error {
				_, err := r.CancelRun(r.ctx, r.run().ID)
				return err
			}
			r.send(signup("ada@example.com"))
			r.drain()
			c, err := r.GetContact(r.ctx, automation.ContactRef{ID: "ada"})
			require.NoError(t, err)
			assert.Empty(t, c.FirstName)
			assert.Equal(t, automation.RunCancelled, r.run().Status)
		})
	}
}

// 6
func TestHostContacts_ConditionSeesTheChangeBeforeIt(t *testing.T) {
	t.Parallel()
	for name, host := range map[string]bool{"built in": false, "host": true} {
		t.Run(name, func(t *testing.T) {
			var r *rig
			if host {
				r = setupUsers(t, newUsers(ada), automation.Options{})
			} else {
				r = setup(t, automation.Options{})
			}
			a := linear("welcome", "signup", naming("Zoe"),
				automation.Step{Key: "check", Config: automation.Condition{Rule: automation.Field("contact.first_name").Eq("Zoe")}})
			a.Steps = append(a.Steps, mailing("hello"))
			a.Connections = append(a.Connections, automation.Connection{From: "check", To: "hello", Type: automation.ConnectionConditionMet})
			r.create(a)
			r.send(signup("ada@example.com"))
			r.drain()
			assert.Equal(t, []string{"hello"}, r.sent(), string(stepRun(t, r.run(), "check").Output))
		})
	}
}

// 7
func TestTimelyEventBeyondOneClaimWins(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.contact(automation.Contact{ID: "ada", Email: "ada@example.com"})
	a := linear("welcome", "signup", automation.Step{Key: "wait", Config: automation.WaitForEvent{EventName: "active", Timeout: automation.MustParseDuration("1 hour")}})
	a.Steps = append(a.Steps, mailing("received"), mailing("late"))
	a.Connections = append(a.Connections,
		automation.Connection{From: "wait", To: "received", Type: automation.ConnectionEventReceived},
		automation.Connection{From: "wait", To: "late", Type: automation.ConnectionTimeout})
	r.create(a)
	r.send(signup("ada@example.com"))
	r.drain()
	r.clock.Add(time.Minute)
	for range 300 {
		r.send(automation.Event{Name: "noise", ContactID: "ada"})
	}
	r.send(automation.Event{Name: "active", ContactID: "ada"})
	r.pass(2 * time.Hour)
	assert.Equal(t, []string{"received"}, r.sent())
}

// 8
func TestAutomationMadeAgainRunsItsOwnGraph(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.create(linear("welcome", "signup", mailing("old")))
	r.send(signup("ada@example.com"))
	r.drain()
	require.NoError(t, r.DeleteAutomation(r.ctx, "welcome"))
	r.clock.Add(time.Hour)
	_, err := r.Prune(r.ctx, time.Minute)
	require.NoError(t, err)
	r.create(linear("welcome", "signup", mailing("new")))
	r.send(signup("ada@example.com"))
	r.drain()
	assert.Equal(t, []string{"old", "new"}, r.sent())
}

// 9
func TestRun_RenewsLeasesWhileItStops(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{Lease: time.Minute, EffectTimeout: time.Hour, ShutdownTimeout: 10 * time.Minute})
		g := newGate()
		r.mailer.Respond = g.respond
		r.create(linear("welcome", "signup", mailing("hello")))
		stop := r.serve(r.Runner)
		r.send(signup("ada@example.com"))
		synctest.Wait()
		stopped := make(chan struct{})
		go func() { _ = stop(); close(stopped) }()
		let(5 * time.Minute)
		other := r.on(r.store, r.opts)
		go func() { _, _ = other.Drain(r.ctx) }()
		synctest.Wait()
		assert.EqualValues(t, 1, g.attempts.Load())
		close(g.open)
		<-stopped
	})
}

// jumpy is the bubble's clock, and can jump.
type jumpy struct{ offset atomic.Int64 }

func (j *jumpy) Now() time.Time                         { return time.Now().Add(time.Duration(j.offset.Load())) }
func (j *jumpy) After(d time.Duration) <-chan time.Time { return time.After(d) }

// 10
func TestRun_DoesNotTakeItsOwnWorkAwayFromItself(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j := &jumpy{}
		r := setup(t, automation.Options{Clock: j, EffectTimeout: time.Hour})
		g := newGate()
		r.mailer.Respond = g.respond
		r.create(linear("welcome", "signup", mailing("hello")))
		r.serve(r.Runner)
		r.send(signup("ada@example.com"))
		synctest.Wait()
		require.EqualValues(t, 1, g.attempts.Load())
		j.offset.Store(int64(10 * time.Minute)) // the machine was asleep
		let(2 * time.Second)
		assert.EqualValues(t, 1, g.attempts.Load())
		close(g.open)
		let(time.Second)
		assert.Equal(t, automation.RunCompleted, r.run().Status)
		assert.Empty(t, stepRun(t, r.run(), "hello").Attempts)
	})
}

// 11
func TestDrain_DoesNotPerformWhatItHasLost(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.create(linear("welcome", "signup", mailing("hello")))
	for _, n := range []string{"ada", "bob"} {
		r.contact(automation.Contact{ID: n, Email: n + "@example.com"})
	}
	other := r.on(r.store, r.opts)
	calls := map[string]int{}
	stalled := false
	r.mailer.Respond = func(_ context.Context, e automation.Email) error {
		calls[e.To]++
		if !stalled {
			stalled = true
			r.clock.Add(2 * time.Minute) // this node stalls, and another takes over
			_, err := other.Drain(r.ctx)
			return err
		}
		return nil
	}
	r.send(signup("ada@example.com"), signup("bob@example.com"))
	r.drain()
	assert.Equal(t, 1, calls["bob@example.com"], "bob's email was not begun when the lease was lost")
}

// 12
func TestRun_StopsInTimeThoughTheStoreHangs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{ShutdownTimeout: 3 * time.Second, StoreTimeout: 10 * time.Second})
		store := &hooked{Store: r.store}
		var hang atomic.Bool
		store.onCommit = func(ctx context.Context, next automation.Store, ts []automation.Transition) ([]automation.CommitResult, error) {
			if hang.Load() {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return next.Commit(ctx, ts)
		}
		g := newGate()
		r.mailer.Respond = g.respond
		r.create(linear("welcome", "signup", mailing("hello")))
		stop := r.serve(r.on(store, r.opts))
		r.send(signups(50)...)
		synctest.Wait()
		hang.Store(true)
		close(g.open)
		synctest.Wait()
		began := time.Now()
		_ = stop()
		assert.LessOrEqual(t, time.Since(began), 30*time.Second)
	})
}

// 13
func TestEventsDoNotCountAsDecodeFailures(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.contact(automation.Contact{ID: "ada", Email: "ada@example.com"})
	r.create(linear("welcome", "signup", waiting("wait", "active"), mailing("hello")))
	r.send(signup("ada@example.com"))
	r.drain()
	store := &hooked{Store: r.store}
	bad := true
	store.onFindDef = func(context.Context) error {
		if bad {
			return automation.ErrNotFound // a damaged definition, say
		}
		return nil
	}
	node := r.on(store, r.opts)
	r.clock.Add(time.Second)
	for range 15 {
		r.send(automation.Event{Name: "active", ContactID: "ada"})
		_, err := node.Drain(r.ctx)
		require.NoError(t, err)
	}
	assert.Equal(t, automation.RunRunning, r.run().Status, "a moment has passed, not ten back-offs")
	bad = false
	r.clock.Add(time.Hour)
	_, err := node.Drain(r.ctx)
	require.NoError(t, err)
	assert.Equal(t, []string{"hello"}, r.sent())
}

// acme is a custom step.
type acmeStep struct{}

func (acmeStep) StepType() automation.StepType { return "acme.step" }

// 14
func TestUnreadableRunOfADeletedContactDoesNotSpin(t *testing.T) {
	t.Parallel()
	reg := automation.NewRegistry()
	automation.Handle(reg, func(context.Context, automation.Call, acmeStep) (automation.Result, error) {
		return automation.Result{}, nil
	}, automation.StepOptions{})
	r := setup(t, automation.Options{Registry: reg})
	r.contact(automation.Contact{ID: "ada", Email: "ada@example.com"})
	r.create(linear("welcome", "signup", automation.Step{Key: "acme", Config: acmeStep{}}))
	store := &hooked{Store: r.store}
	commits := 0
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	store.onCommit = func(c context.Context, next automation.Store, ts []automation.Transition) ([]automation.CommitResult, error) {
		if commits++; commits == 1 {
			require.NoError(t, r.DeleteContact(r.ctx, "ada")) // between claim and commit
		}
		if commits > 1000 {
			cancel()
		}
		return next.Commit(c, ts)
	}
	old := r.opts
	old.Registry = nil // a process that does not know the step
	node := r.on(store, old)
	r.send(signup("ada@example.com"))
	_, err := node.Drain(ctx)
	assert.NoError(t, err)
	assert.Less(t, commits, 10)
	assert.Equal(t, automation.RunCancelled, r.run().Status)
}

// 15
func TestRetryOfADamagedWaitPerformsOnce(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.contact(automation.Contact{ID: "ada", Email: "ada@example.com"})
	r.create(linear("welcome", "signup", waiting("wait", "active"), mailing("hello"), mailing("again")))
	r.send(signup("ada@example.com"))
	r.drain()
	store := &hooked{Store: r.store}
	bad := true
	store.onFindDef = func(context.Context) error {
		if bad {
			return automation.ErrNotFound // a damaged definition, say
		}
		return nil
	}
	node := r.on(store, r.opts)
	r.clock.Add(time.Second)
	r.send(automation.Event{Name: "active", ContactID: "ada"})
	for range 20 {
		_, err := node.Drain(r.ctx)
		require.NoError(t, err)
		r.clock.Add(10 * time.Minute)
	}
	require.Equal(t, automation.RunFailed, r.run().Status)
	bad = false
	calls := map[string]int{}
	unwritten := 0
	r.mailer.Respond = func(_ context.Context, e automation.Email) error {
		calls[e.TemplateID]++
		if r.run().Step != e.TemplateID {
			unwritten++
		}
		return nil
	}
	_, err := r.store.RecordRunRequest(r.ctx, r.run().ID, automation.RequestRetry, r.clock.Now())
	require.NoError(t, err)
	_, err = node.Drain(r.ctx)
	require.NoError(t, err)
	t.Logf("%+v", r.run())
	assert.Equal(t, map[string]int{"hello": 1, "again": 1}, calls)
	assert.Zero(t, unwritten, "an effect was performed before its state was written")
	assert.Equal(t, automation.RunCompleted, r.run().Status)
}

// 16
func TestRunOfAContactThatItsSiblingDeletedIsCancelled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{})
		gates := map[string]*gate{"one": newGate(), "two": newGate()}
		r.mailer.Respond = func(ctx context.Context, e automation.Email) error { return gates[e.TemplateID].respond(ctx, e) }
		r.create(linear("first", "signup", mailing("one"), automation.Step{Key: "delete", Config: automation.ContactDelete{}}))
		r.create(linear("second", "signup", mailing("two"), naming("x")))
		r.serve(r.Runner)
		r.send(signup("ada@example.com"))
		synctest.Wait()
		close(gates["one"].open)
		synctest.Wait()
		close(gates["two"].open)
		let(time.Second)
		for _, run := range r.runs() {
			if run.AutomationID == "second" {
				assert.Equal(t, automation.RunCancelled, run.Status, fmt.Sprint(run.Error))
			}
		}
	})
}

// 17
func TestContactChangedTellsOfEachChangeAlone(t *testing.T) {
	t.Parallel()
	var changes []automation.ContactChange
	r := setup(t, automation.Options{Observer: observe(func(n automation.Notice) {
		if c, ok := n.(*automation.ContactChanged); ok {
			changes = append(changes, c.Change)
		}
	})})
	prop := func(key string) automation.Step {
		return automation.Step{Key: key, Config: automation.ContactUpdate{Properties: map[string]automation.Value{key: automation.String("x")}}}
	}
	r.create(linear("welcome", "signup", prop("a"), prop("b")))
	r.send(signup("ada@example.com"))
	r.drain()
	require.Len(t, changes, 2)
	assert.Equal(t, map[string]any{"a": "x"}, changes[0].Properties)
	assert.Equal(t, map[string]any{"b": "x"}, changes[1].Properties)
}

type zzMailer func(ctx context.Context, e automation.Email) (string, error)

func (f zzMailer) SendEmail(ctx context.Context, e automation.Email) (string, error) {
	return f(ctx, e)
}

// 18
func TestEmailBelongsToTheMailer(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.create(linear("welcome", "signup", automation.Step{Key: "hello", Config: automation.SendEmail{Template: automation.TemplateRef{
		ID: "hello", Variables: map[string]automation.Value{"NAME": automation.String("Ada")}}}}))
	node, err := automation.New(r.store, zzMailer(func(_ context.Context, e automation.Email) (string, error) {
		e.Variables["SECRET"] = "added while rendering"
		return "1", nil
	}), r.opts)
	require.NoError(t, err)
	r.send(signup("ada@example.com"))
	_, err = node.Drain(r.ctx)
	require.NoError(t, err)
	assert.NotContains(t, string(stepRun(t, r.run(), "hello").Output), "SECRET")
}

// 19
func TestAtMostOnce_IsNotRepeatedWhenTheAnswerWasLost(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() (string, error){
		"connection reset": func() (string, error) {
			return "", &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
		},
		"panic": func() (string, error) { panic("nil map") },
	} {
		t.Run(name, func(t *testing.T) {
			r := setup(t, automation.Options{Delivery: automation.AtMostOnce})
			r.create(linear("welcome", "signup", mailing("hello")))
			sent := 0
			node, err := automation.New(r.store, zzMailer(func(context.Context, automation.Email) (string, error) {
				sent++ // it is out
				return fail()
			}), r.opts)
			require.NoError(t, err)
			r.send(signup("ada@example.com"))
			for range 10 {
				_, err = node.Drain(r.ctx)
				require.NoError(t, err)
				r.clock.Add(10 * time.Minute)
			}
			assert.Equal(t, 1, sent)
		})
	}
}

// 21
func TestLookbackCountsFromTheEventThatStartedTheRun(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.contact(automation.Contact{ID: "ada", Email: "ada@example.com"})
	r.create(linear("welcome", "signup", lookback("wait", "active"), mailing("hello")))
	r.send(signup("ada@example.com"))
	r.clock.Add(time.Millisecond)
	r.send(automation.Event{Name: "active", ContactID: "ada"})
	r.clock.Add(time.Millisecond)
	r.drain()
	assert.Equal(t, []string{"hello"}, r.sent())
}

// 22
func TestCommitWrittenTwiceAroundAStop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{Delivery: automation.AtMostOnce})
		r.contact(automation.Contact{ID: "ada", Email: "ada@example.com"})
		r.create(linear("welcome", "signup", mailing("hello")))
		store := &hooked{Store: r.store}
		lost := false
		store.onCommit = func(ctx context.Context, next automation.Store, ts []automation.Transition) ([]automation.CommitResult, error) {
			res, err := next.Commit(ctx, ts)
			if !lost {
				lost = true
				_, err := r.StopAutomation(r.ctx, "welcome", automation.StopOptions{})
				require.NoError(t, err)
				return nil, errOutage
			}
			return res, err
		}
		r.serve(r.on(store, r.opts))
		r.send(signup("ada@example.com"))
		let(time.Minute)
		assert.Equal(t, automation.RunCompleted, r.run().Status, fmt.Sprint(r.run().Error))
		assert.Empty(t, stepRun(t, r.run(), "hello").Attempts)
	})
}

// 23
func TestEraseContact_LeavesNoLeaseWhenItFails(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.contact(automation.Contact{ID: "ada", Email: "ada@example.com"})
	store := &hooked{Store: r.store}
	store.onListRuns = func() error { return errOutage }
	node := r.on(store, r.opts)
	require.ErrorIs(t, node.EraseContact(r.ctx, automation.ContactRef{ID: "ada"}), errOutage)
	store.onListRuns = nil
	assert.NoError(t, node.EraseContact(r.ctx, automation.ContactRef{ID: "ada"}))
}

func TestEraseContact_ErasesAllPendingEvents(t *testing.T) {
	t.Parallel()
	r := setupUsers(t, newUsers(ada), automation.Options{})
	r.create(linear("welcome", "signup", mailing("hello")))
	for range 300 {
		r.send(automation.Event{Name: "signup", ContactID: "u-ada"})
	}
	require.NoError(t, r.EraseContact(r.ctx, automation.ContactRef{ID: "u-ada"}))
	r.drain()
	assert.Empty(t, r.runs(), "an event that was erased starts nothing")
}

// 24
func TestHostContacts_DeleteStepCancelsTheOtherRuns(t *testing.T) {
	t.Parallel()
	r := setupUsers(t, newUsers(ada), automation.Options{})
	r.create(linear("waits", "signup", automation.Step{Key: "wait", Config: automation.WaitForEvent{EventName: "active"}}))
	r.create(linear("deletes", "leave", automation.Step{Key: "delete", Config: automation.ContactDelete{}}))
	r.send(automation.Event{Name: "signup", ContactID: "u-ada"})
	r.drain()
	r.send(automation.Event{Name: "leave", ContactID: "u-ada"})
	r.drain()
	r.pass(365 * 24 * time.Hour)
	for _, run := range r.runs() {
		assert.NotEqual(t, automation.RunRunning, run.Status, run.AutomationID)
	}
}

// 25
func TestPlanningCallsAreBounded(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.create(linear("welcome", "signup", lookback("wait", "active")))
	store := &hooked{Store: r.store}
	bounded := map[string]bool{}
	note := func(name string) func(context.Context) error {
		return func(ctx context.Context) error { _, bounded[name] = ctx.Deadline(); return nil }
	}
	store.onFindDef, store.onFindContact, store.onEvents = note("FindAutomationVersion"), note("FindContact"), note("ListContactEvents")
	node := r.on(store, r.opts)
	r.send(signup("ada@example.com"))
	_, err := node.Drain(r.ctx)
	require.NoError(t, err)
	assert.Equal(t, map[string]bool{"FindAutomationVersion": true, "FindContact": true, "ListContactEvents": true}, bounded)
}

type findDeadline struct {
	*users
	bounded []bool
}

func (f *findDeadline) FindContact(ctx context.Context, ref automation.ContactRef) (automation.Contact, error) {
	_, ok := ctx.Deadline()
	f.bounded = append(f.bounded, ok)
	return f.users.FindContact(ctx, ref)
}

func TestHostIsAskedWithinEffectTimeout(t *testing.T) {
	t.Parallel()
	u := &findDeadline{users: newUsers()}
	r := setup(t, automation.Options{Contacts: u})
	r.create(linear("welcome", "signup", mailing("hello")))
	r.send(signup("new@example.com"))
	u.bounded = nil
	r.drain()
	assert.NotContains(t, u.bounded, false)
}

// 26
func TestNulReachesTheStoreAsText(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	store := &hooked{Store: r.store}
	r.create(linear("welcome", "signup", automation.Step{Key: "name", Config: automation.ContactUpdate{FirstName: automation.Var("event.name")}}))
	store.onCommit = func(ctx context.Context, next automation.Store, ts []automation.Transition) ([]automation.CommitResult, error) {
		for _, tr := range ts {
			if tr.Change != nil && tr.Change.FirstName != nil {
				assert.NotContains(t, *tr.Change.FirstName, "\x00")
			}
		}
		return next.Commit(ctx, ts)
	}
	e := signup("ada@example.com")
	e.Payload = json.RawMessage(`{"name":"a\u0000b"}`)
	r.send(e)
	_, err := r.on(store, r.opts).Drain(r.ctx)
	require.NoError(t, err)
}

// 27
func TestRun_OutcomeSurvivesAStorageErrorOfItsTransition(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{Delivery: automation.AtMostOnce})
		r.create(linear("welcome", "signup", mailing("hello")))
		r.contact(automation.Contact{ID: "ada", Email: "ada@example.com"})
		store := &hooked{Store: r.store}
		n := 0
		store.onCommit = func(ctx context.Context, next automation.Store, ts []automation.Transition) ([]automation.CommitResult, error) {
			if n++; n == 2 { // a serialization failure, say
				return []automation.CommitResult{{Err: errOutage}}, nil
			}
			return next.Commit(ctx, ts)
		}
		r.serve(r.on(store, r.opts))
		r.send(signup("ada@example.com"))
		let(time.Minute)
		assert.Len(t, r.sent(), 1)
		assert.Equal(t, automation.RunCompleted, r.run().Status, fmt.Sprint(r.run().Error))
	})
}

// 28
func TestRun_SlowLookBackDoesNotHoldUpOthers(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{Clock: automation.SystemClock()})
	gates := map[string]*gate{"one": newGate(), "two": newGate()}
	sentHi := make(chan struct{})
	r.mailer.Respond = func(ctx context.Context, e automation.Email) error {
		if g := gates[e.TemplateID]; g != nil {
			return g.respond(ctx, e)
		}
		close(sentHi)
		return nil
	}
	r.create(linear("first", "signup", mailing("one"), lookback("wait", "active")))
	r.create(linear("second", "signup", mailing("two")))
	r.create(linear("other", "hi", mailing("hi")))
	for _, n := range []string{"ada", "bob"} {
		r.contact(automation.Contact{ID: n, Email: n + "@example.com"})
	}
	store := &hooked{Store: r.store}
	looking, slow, committing, hold := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})
	store.onEvents = func(context.Context) error { close(looking); <-slow; return nil }
	var once sync.Once
	store.onCommit = func(ctx context.Context, next automation.Store, ts []automation.Transition) ([]automation.CommitResult, error) {
		for _, tr := range ts {
			if slices.ContainsFunc(tr.Runs, func(c automation.RunChange) bool { return c.Status == automation.RunCompleted }) {
				once.Do(func() { close(committing); <-hold })
			}
		}
		return next.Commit(ctx, ts)
	}
	r.serve(r.on(store, r.opts))
	defer close(slow)
	r.send(signup("ada@example.com"))
	close(gates["two"].open)
	<-committing // its outcome is being written
	close(gates["one"].open)
	<-looking
	close(hold)
	r.send(automation.Event{Name: "hi", ContactID: "bob"})
	select {
	case <-sentHi:
	case <-time.After(3 * time.Second):
		t.Error("bob waits for ada's look back")
	}
}

// 29
func TestEraseOfNobodyUsesUpNoID(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	require.NoError(t, r.EraseContact(r.ctx, automation.ContactRef{ID: "ada"}))
	_, err := r.CreateContact(r.ctx, automation.Contact{ID: "ada", Email: "ada@example.com"})
	assert.NoError(t, err)
}

// 31
func TestRun_ClaimThatIsCutOffLeavesNothingLeased(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{})
		r.create(linear("welcome", "signup", mailing("hello")))
		ctx, cancel := context.WithCancel(r.ctx)
		r.send(signup("ada@example.com"))
		store := &cutOff{Store: r.store, cancel: cancel}
		require.ErrorIs(t, r.on(store, r.opts).Run(ctx), context.Canceled)
		r.drain()
		assert.Len(t, r.sent(), 1)
	})
}

// cutOff is a store whose claim commits just when Run is stopped, as a database
// driver reports it.
type cutOff struct {
	automation.Store
	cancel context.CancelFunc
}

func (c *cutOff) Claim(ctx context.Context, p automation.ClaimParams) ([]automation.Work, error) {
	works, err := c.Store.Claim(ctx, p)
	c.cancel()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return works, err
}

// 32
func TestCancelOfABegunEffectRecordsThatItMayHaveHappened(t *testing.T) {
	t.Parallel()
	g, err := automation.Compile(linear("a", "signup", mailing("hello")), automation.CompileOptions{})
	require.NoError(t, err)
	in := automation.Input{Kind: automation.InputStarted, Now: start, Data: automation.Data{Contact: &automation.Contact{ID: "c"}}}
	s, _, err := g.Advance(automation.State{RunID: "r"}, in)
	require.NoError(t, err)
	require.True(t, s.AttemptOpen())
	s, _, err = g.Advance(s, automation.Input{Kind: automation.InputCancelled, Now: start, Code: automation.CancelledByRequest})
	require.NoError(t, err)
	assert.NotEmpty(t, g.StepRuns(s)[1].Attempts)
}

// Between a claim and the work on it a process may stand still. What was due when
// the claim was made is due; a wait whose time has come since may have got an event
// that the claim does not know.
func TestDrain_WhatHasBecomeDueSinceTheClaimWaitsForTheNext(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.create(automation.Automation{
		Name: "Review", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "start", Config: automation.Trigger{EventName: "signup"}},
			{Key: "review", Config: automation.WaitForEvent{
				EventName: "review", Timeout: automation.DurationOf(time.Minute), FilterRule: automation.Field("event.score").Gte(5),
			}},
		},
		Connections: []automation.Connection{{From: "start", To: "review"}},
	})
	ada := r.contact(automation.Contact{Email: "ada@example.com"})
	r.send(automation.Event{Name: "signup", ContactID: ada.ID})
	r.drain()
	review := func(score string) {
		r.send(automation.Event{Name: "review", ContactID: ada.ID, Payload: []byte(`{"score":` + score + `}`)})
	}
	r.clock.Add(50 * time.Second)
	review("1")
	store := &hooked{Store: r.store}
	store.onClaim = func([]automation.Work) {
		store.onClaim = nil
		r.clock.Add(5 * time.Second)
		review("9")
		r.clock.Add(30 * time.Second)
	}
	other, err := automation.New(store, r.mailer, automation.Options{Clock: r.clock})
	require.NoError(t, err)
	_, err = other.Drain(r.ctx)
	require.NoError(t, err)
	run, err := r.GetRun(r.ctx, r.runs()[0].ID)
	require.NoError(t, err)
	assert.Equal(t, automation.ConnectionEventReceived, run.Steps[1].Branch)
}
