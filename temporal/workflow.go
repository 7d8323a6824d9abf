package temporal

import (
	"errors"
	"slices"
	"time"

	"go.temporal.io/sdk/converter"
	sdktemporal "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/seed-b636437c/automation"
)

// carried is the input of the workflow of a contact: what its predecessor has left when it
// continued as new. The contents of State, Record, Messages and of the effects are for turns and
// activities. The workflow passes them on, so that its code hardly ever changes.
type carried struct {
	Format int                   `json:"format"`
	Key    automation.ContactRef `json:"key"`
	// State is that of the last turn, and Record what the catalog may not have of it.
	State       []byte `json:"state,omitempty"`
	Record      []byte `json:"record,omitempty"`
	RecordFirst bool   `json:"record_first,omitempty"`
	Sequence    int64  `json:"sequence,omitempty"`
	// Messages were received and not handled yet. Damaged ones could not be decoded: they are
	// tried again now and then.
	Messages [][]byte `json:"messages,omitempty"`
	Damaged  [][]byte `json:"damaged,omitempty"`
	// Effects are to be performed, and Done have ended since the last turn.
	Effects []effect    `json:"effects,omitempty"`
	Done    []performed `json:"done,omitempty"`
	Forward []forward   `json:"forward,omitempty"`
	// Due is when the contact needs a turn by time.
	Due time.Time `json:"due,omitzero"`
	// Failures is how many turns in a row could not be taken.
	Failures int `json:"failures,omitempty"`
}

// The bounds of a history. A workflow continues as new when its history has reached one of them.
const (
	maxHistoryEvents = 500
	maxHistoryBytes  = 4 << 20
)

// maxInFlight is how many effects of one contact are in flight at the same time.
const maxInFlight = 200

// contact is the workflow of a contact, or of an email without a contact, as its code runs. It
// passes what happens to the contact to turns, and does what they plan.
type contact struct {
	carried
	worker  *Worker
	id      string // of the workflow
	signals workflow.ReceiveChannel

	effects     []inFlight
	turns       int             // how many were taken
	ahead       *turnResult     // the turn that the activity of the last effect has planned
	recording   workflow.Future // nil if no activity of its own gives a record to the catalog
	recordingOf int64           // the sequence of that record
	forwarding  workflow.Future // nil if no activity passes messages on
	forwards    int             // how many messages it passes on
	timer       timer           // for Due
	retry       timer           // after a turn that could not be taken
	again       timer           // for damaged messages
	fired       time.Time       // the due time whose timer has fired since the last turn
	wait        time.Duration   // until Due, from the last turn on
	turnAt      time.Time       // of the last turn; zero: a predecessor has taken it
	turnIn      int             // the length of the history when the last turn ended
}

// inFlight is an effect whose activity was scheduled.
type inFlight struct {
	effect
	future   workflow.Future
	recordOf int64 // the sequence of the record that the activity has; 0: it has none
	turns    int   // how many turns were taken before
}

// timer is a timer of the workflow. It is zero if none runs.
type timer struct {
	future workflow.Future
	at     time.Time
	cancel workflow.CancelFunc
}

func (t *timer) isReady() bool { return t.future != nil && t.future.IsReady() }

// runContact is the workflow of a contact.
func (w *Worker) runContact(ctx workflow.Context, in carried) error {
	if err := checkFormat("the workflow", in.Format); err != nil {
		panic(err) // the task fails, and another worker may be newer
	}
	c := &contact{carried: in, worker: w, id: workflow.GetInfo(ctx).WorkflowExecution.ID, signals: workflow.GetSignalChannel(ctx, entriesSignal)}
	for {
		c.collect(ctx)
		c.adopt(ctx)
		// A turn that changes something is followed by none before it is in the history.
		for turns := true; turns && c.needsTurn(); {
			c.takeTurn(ctx)
			turns = c.Failures == 0 && len(c.Record) == 0
		}
		quiet := c.isLong(ctx)
		if !quiet {
			c.schedule(ctx)
		}
		switch {
		case c.isOver():
			return nil
		case quiet && c.isQuiet():
			c.receive() // what has come during a long turn
			c.Format = format
			return workflow.NewContinueAsNewError(ctx, contactWorkflow, c.carried)
		}
		if c.hasNews() && !c.isWritten(ctx) {
			workflow.NewTimer(ctx, time.Millisecond) // brings another workflow task
		}
		if err := workflow.Await(ctx, func() bool { return c.isWritten(ctx) && c.hasNews() }); err != nil {
			return err
		}
		if !workflow.IsReplaying(ctx) {
			w.announcer.announce(c.id, c.Sequence)
		}
	}
}

// isWritten reports whether the last turn is in the history: it got there with the workflow task in
// which it ended. During a turn that takes long the SDK ends one task and begins another, so what
// has happened may have come in the same task.
func (c *contact) isWritten(ctx workflow.Context) bool {
	return len(c.Record) == 0 || workflow.GetInfo(ctx).GetCurrentHistoryLength() != c.turnIn
}

// hasNews reports whether something has happened since the last turn.
func (c *contact) hasNews() bool {
	return c.signals.Len() > 0 || c.timer.isReady() || c.retry.isReady() || c.again.isReady() ||
		c.recording != nil && c.recording.IsReady() || c.forwarding != nil && c.forwarding.IsReady() ||
		slices.ContainsFunc(c.effects, func(e inFlight) bool { return e.future.IsReady() })
}

// collect takes in what has happened.
func (c *contact) collect(ctx workflow.Context) {
	c.receive()
	c.effects = slices.DeleteFunc(c.effects, func(e inFlight) bool {
		if e.future.IsReady() {
			c.ended(ctx, e)
			return true
		}
		return false
	})
	c.endRecording(ctx)
	if c.forwarding != nil && c.forwarding.IsReady() {
		if c.forwarding.Get(ctx, nil) == nil {
			c.Forward = c.Forward[c.forwards:]
		}
		c.forwarding = nil
	}
	if c.timer.isReady() {
		if !c.Due.IsZero() && !c.Due.After(c.timer.at) {
			c.fired = c.timer.at
		}
		c.timer = timer{}
	}
	if c.again.isReady() {
		c.Messages, c.Damaged, c.again = append(c.Damaged, c.Messages...), nil, timer{}
	}
}

// endRecording takes in that the activity that gives a record to the catalog has ended. It is repeated
// until it succeeds, and a turn repeats it, too.
func (c *contact) endRecording(ctx workflow.Context) {
	if c.recording == nil || !c.recording.IsReady() {
		return
	}
	if c.recording.Get(ctx, nil) == nil {
		c.recorded(c.recordingOf)
	}
	c.recording = nil
}

// receive takes in the messages of signals.
func (c *contact) receive() {
	for {
		var raw converter.RawValue // whatever it is, it must not be lost
		if !c.signals.ReceiveAsync(&raw) {
			return
		}
		c.Messages = append(c.Messages, raw.Payload().GetData())
	}
}

// ended takes in the result of an effect's activity.
func (c *contact) ended(ctx workflow.Context, e inFlight) {
	e.Input = nil
	p := performed{Effect: e.effect}
	var result effectResult
	err := e.future.Get(ctx, &result)
	var failure *sdktemporal.ApplicationError
	switch {
	case err == nil:
		p.Outcome = result.Outcome
	case errors.As(err, &failure) && failure.Type() == notBegun:
		p.NotBegun = failure.Message()
	}
	if result.Recorded {
		c.recorded(e.recordOf)
	}
	c.Done = append(c.Done, p)
	if e.turns == c.turns {
		c.ahead = result.Next
	}
}

// adopt takes in a turn that was planned ahead. The history has it with the effect, so it may go to
// the catalog at once.
func (c *contact) adopt(ctx workflow.Context) {
	if c.ahead == nil {
		return
	}
	in, next := turnInput{Key: c.Key, State: c.State, Done: c.Done}, *c.ahead
	c.took(ctx, &next)
	c.ahead, c.turnIn = nil, 0
	if workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, turnOptions), aheadActivity, in, next).Get(ctx, nil) == nil {
		c.recorded(c.Sequence)
	}
}

// recorded takes in that the catalog has the record with a sequence. A later turn may have left
// another one.
func (c *contact) recorded(sequence int64) {
	if sequence == c.Sequence {
		c.Record, c.RecordFirst = nil, false
	}
}

// needsTurn reports whether there is something for a turn, and the contact is not set aside. A turn
// waits for an activity that changes the contact: one that went on meanwhile could undo a later change.
func (c *contact) needsTurn() bool {
	if c.RecordFirst && c.recording != nil {
		return false
	}
	if c.retry.future != nil {
		return c.retry.isReady()
	}
	return c.Failures > 0 || len(c.Messages)+len(c.Done) > 0 || !c.fired.IsZero()
}

// takeTurn takes a turn, and takes in its result.
func (c *contact) takeTurn(ctx workflow.Context) {
	c.retry = timer{}
	var out turnResult
	err := workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, turnOptions), turnActivity, turnInput{
		Key: c.Key, State: c.State, Record: c.Record, Messages: c.Messages, Done: c.Done, FiredAt: c.fired,
	}).Get(ctx, &out)
	if err != nil {
		out.Failed = err.Error()
	}
	c.turns++
	if out.Failed != "" {
		c.Failures++
		c.retry = newTimer(ctx, time.Time{}, setAsideFor(c.Failures))
		return
	}
	c.took(ctx, &out)
}

// took takes in the result of a turn.
func (c *contact) took(ctx workflow.Context, out *turnResult) {
	c.Failures, c.Done, c.fired = 0, nil, time.Time{}
	for _, i := range out.Damaged {
		c.Damaged = append(c.Damaged, c.Messages[i])
	}
	c.Messages = c.Messages[out.Handled:]
	c.State, c.Due, c.wait, c.turnAt = out.State, out.Due, out.Wait, workflow.Now(ctx)
	c.turnIn = workflow.GetInfo(ctx).GetCurrentHistoryLength()
	c.Record, c.RecordFirst, c.Sequence = out.Record, out.RecordFirst, out.Sequence
	c.Effects, c.Forward = append(c.Effects, out.Effects...), append(c.Forward, out.Forward...)
}

// turnOptions are those of the local activity that takes a turn.
var turnOptions = workflow.LocalActivityOptions{
	StartToCloseTimeout: 30 * time.Second,
	RetryPolicy:         &sdktemporal.RetryPolicy{MaximumAttempts: 1},
}

// setAsideFor is how long a contact waits whose turns could not be taken.
func setAsideFor(failures int) time.Duration {
	return min(time.Second<<min(failures-1, 10), 10*time.Minute)
}

// schedule schedules what the last turns have planned.
func (c *contact) schedule(ctx workflow.Context) {
	c.endRecording(ctx) // it may have ended during the turn, and the next one must begin
	c.scheduleEffects(ctx)
	if len(c.Record) > 0 && c.recording == nil && !c.brings(c.Sequence) {
		c.recordingOf, c.recording = c.Sequence, workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, patientOptions), recordActivity, c.Record)
	}
	if len(c.Forward) > 0 && c.forwarding == nil {
		c.forwards, c.forwarding = len(c.Forward), workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, patientOptions), forwardActivity, c.Forward)
	}
	if !c.Due.IsZero() && (c.timer.future == nil || c.Due.Before(c.timer.at)) {
		if c.timer.cancel != nil {
			c.timer.cancel()
		}
		c.timer = newTimer(ctx, c.Due, c.untilDue(ctx))
	}
	if len(c.Damaged) > 0 && c.again.future == nil {
		c.again = newTimer(ctx, time.Time{}, tryDamagedAfter)
	}
}

// untilDue returns how long it is until Due. The clock of the server counts only from the last turn
// on, because it may differ from the clock of the worker.
func (c *contact) untilDue(ctx workflow.Context) time.Duration {
	d := c.Due.Sub(workflow.Now(ctx))
	if !c.turnAt.IsZero() {
		d = c.wait - workflow.Now(ctx).Sub(c.turnAt)
	}
	return max(d, time.Millisecond)
}

// tryDamagedAfter is when messages that could not be decoded are tried again.
const tryDamagedAfter = time.Hour

// scheduleEffects schedules the activities of effects. The first one may bring the record of the
// turn to the catalog. If effects read what the record brings, the others wait for it.
func (c *contact) scheduleEffects(ctx workflow.Context) {
	alone := len(c.Effects) == 1 && len(c.effects) == 0
	if c.RecordFirst && len(c.Record) > 0 && !alone {
		return
	}
	for len(c.Effects) > 0 && len(c.effects) < maxInFlight {
		e := inFlight{effect: c.Effects[0]}
		var rec []byte
		if len(c.Record) > 0 && len(c.Messages) == 0 && c.recording == nil && !c.brings(c.Sequence) {
			rec, e.recordOf = c.Record, c.Sequence
		}
		e.future = workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			StartToCloseTimeout: c.worker.opts.EffectDeadline, HeartbeatTimeout: c.worker.opts.LostAfter,
			RetryPolicy: &sdktemporal.RetryPolicy{MaximumAttempts: 1},
		}), effectActivity, e.Input, rec, c.stateAhead(alone, rec))
		e.turns = c.turns
		c.effects, c.Effects = append(c.effects, e), c.Effects[1:]
	}
}

// stateAhead returns the state with which the activity of an effect plans the next turn, or nil if the
// workflow takes that turn. The activity must be the only one, and bring the record.
func (c *contact) stateAhead(alone bool, rec []byte) []byte {
	if !alone || len(c.Record) != len(rec) || len(c.Messages)+len(c.Done)+len(c.Forward) > 0 || len(c.State) > maxAhead {
		return nil
	}
	return c.State
}

// brings reports whether the activity of an effect gives the record with a sequence to the catalog.
func (c *contact) brings(sequence int64) bool {
	return slices.ContainsFunc(c.effects, func(e inFlight) bool { return e.recordOf == sequence })
}

// patientOptions are those of activities that are repeated until they succeed.
var patientOptions = workflow.ActivityOptions{
	StartToCloseTimeout: 30 * time.Second,
	RetryPolicy:         &sdktemporal.RetryPolicy{InitialInterval: 200 * time.Millisecond, MaximumInterval: 30 * time.Second},
}

func newTimer(ctx workflow.Context, at time.Time, d time.Duration) timer {
	ctx, cancel := workflow.WithCancel(ctx)
	return timer{future: workflow.NewTimer(ctx, d), at: at, cancel: cancel}
}

// isOver reports whether nothing is left to do for the contact.
func (c *contact) isOver() bool {
	return len(c.State)+len(c.Record)+len(c.Messages)+len(c.Damaged)+len(c.Effects)+len(c.Done)+len(c.Forward) == 0 &&
		c.isQuiet() && c.signals.Len() == 0
}

// isQuiet reports whether no activity is in flight, which would be lost with the workflow.
func (c *contact) isQuiet() bool {
	return len(c.effects) == 0 && c.recording == nil && c.forwarding == nil
}

// isLong reports whether the history has become so long that the workflow continues as new. What
// waits must fit into the input of its successor. If it does not, the history goes on growing.
func (c *contact) isLong(ctx workflow.Context) bool {
	info := workflow.GetInfo(ctx)
	return (info.GetCurrentHistoryLength() >= maxHistoryEvents || info.GetCurrentHistorySize() >= maxHistoryBytes) && c.size() <= maxResult
}

// size returns about how many bytes the workflow carries.
func (c *contact) size() int {
	n := len(c.State) + len(c.Record)
	for _, messages := range [][][]byte{c.Messages, c.Damaged} {
		for _, m := range messages {
			n += len(m)
		}
	}
	for i := range c.Effects {
		n += len(c.Effects[i].Input)
	}
	for i := range c.Done {
		n += len(c.Done[i].Outcome)
	}
	for i := range c.Forward {
		n += len(c.Forward[i].Message)
	}
	return n
}
