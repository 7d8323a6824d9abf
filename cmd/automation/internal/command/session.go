package command

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/cmd/automation/internal/database"
)

// session is an open database with a Runner on it.
type session struct {
	database.Database
	calls
	store automation.Store
	now   func() time.Time
	// versions are those that the session has read; see version.
	versions map[automation.VersionRef]automation.AutomationVersion
}

// calls are the methods of a Runner that commands may use. None of them claims a contact,
// as Run, Drain, CancelRun, RetryRun and EraseContact do. The Runner of this tool knows
// neither the custom step types of the application nor its contact directory, so it would
// cancel and set aside runs of a contact that it claims.
type calls interface {
	GetAutomation(ctx context.Context, id string) (automation.Automation, error)
	GetAutomationVersion(ctx context.Context, id string, version int) (automation.AutomationVersion, error)
	ListAutomations(ctx context.Context, q automation.AutomationQuery) (automation.Page[automation.Automation], error)
	StopAutomation(ctx context.Context, id string, opts automation.StopOptions) (automation.Automation, error)
	UpdateAutomation(ctx context.Context, id string, u automation.AutomationUpdate) (automation.Automation, error)
	GetRun(ctx context.Context, id string) (automation.Run, error)
	ListRuns(ctx context.Context, q automation.RunQuery) (automation.Page[automation.Run], error)
	CountRuns(ctx context.Context, automationIDs ...string) ([]automation.RunCount, error)
	GetEvent(ctx context.Context, id string) (automation.EventRecord, error)
	ListEvents(ctx context.Context, q automation.EventQuery) (automation.Page[automation.EventRecord], error)
	ListDecisions(ctx context.Context, eventID string) ([]automation.Decision, error)
	GetEventDefinition(ctx context.Context, idOrName string) (automation.EventDefinition, error)
	ListEventDefinitions(ctx context.Context, q automation.PageQuery) (automation.Page[automation.EventDefinition], error)
	GetContact(ctx context.Context, ref automation.ContactRef) (automation.Contact, error)
	ListContacts(ctx context.Context, q automation.ContactQuery) (automation.Page[automation.Contact], error)
	GetSegment(ctx context.Context, id string) (automation.Segment, error)
	ListSegments(ctx context.Context, q automation.PageQuery) (automation.Page[automation.Segment], error)
	Prune(ctx context.Context, age time.Duration) (automation.PruneResult, error)
	Health(ctx context.Context) (automation.Health, error)
}

// mute is a mailer that refuses every email, in case that the Runner should call it.
type mute struct{}

func (mute) SendEmail(context.Context, automation.Email) (string, error) {
	return "", automation.Permanent(errors.New("the command line tool sends no emails"))
}

// use opens the database, calls do, and closes the database.
func (c *call) use(ctx context.Context, access database.Access, do func(s *session) error) (err error) {
	if c.target.URL == "" {
		return usagef("names no database: give --database URL, or set %s", databaseVariable)
	}
	db, err := database.Open(ctx, c.target, access)
	if errors.Is(err, database.ErrTarget) {
		return usagef("--database: %s", err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	s, err := c.session(ctx, db, access)
	if err != nil {
		return err
	}
	return do(s)
}

func (c *call) session(ctx context.Context, db database.Database, access database.Access) (*session, error) {
	s := &session{
		Database: db, store: db.Store(), now: c.Clock.Now,
		versions: map[automation.VersionRef]automation.AutomationVersion{},
	}
	clock := c.Clock
	if access == database.Write {
		ahead, err := s.ahead(ctx)
		if err != nil {
			return nil, err
		}
		clock = slowClock{c.Clock, max(0, ahead)}
		s.now = clock.Now
	}
	var err error
	s.calls, err = automation.New(s.store, mute{}, automation.Options{Clock: clock})
	return s, err
}

// ahead returns by how much the clock of this machine is ahead of the database's.
func (s *session) ahead(ctx context.Context) (time.Duration, error) {
	before := s.now()
	theirs, own, err := s.Now(ctx)
	if err != nil || !own {
		return 0, err
	}
	middle := before.Add(s.now().Sub(before) / 2)
	return middle.Sub(theirs), nil
}

// slowClock is a clock that is slow by a fixed time. A request of an operator is due at
// the time of the operator's clock: if it were ahead, the application would wait.
type slowClock struct {
	automation.Clock
	by time.Duration
}

func (c slowClock) Now() time.Time { return c.Clock.Now().Add(-c.by) }

// findContact finds a contact by its id or its email.
func (s *session) findContact(ctx context.Context, name string) (automation.Contact, error) {
	c, err := s.GetContact(ctx, reference(name))
	if errors.Is(err, automation.ErrNotFound) {
		return c, fmt.Errorf("there is no contact %q in the database; if your application keeps contacts in a table of its own, "+
			"give the id that this table has: %w", name, automation.ErrNotFound)
	}
	return c, err
}

// reference returns the contact that a name stands for: an email if there is an @ in it.
func reference(name string) automation.ContactRef {
	if strings.Contains(name, "@") {
		return automation.ContactRef{Email: name}
	}
	return automation.ContactRef{ID: name}
}

// selectRuns returns the selection of a filter. Only an email has to be looked up: an id may be
// that of a contact in a table of the application.
func (s *session) selectRuns(ctx context.Context, c *call, r runFilter) (automation.RunQuery, error) {
	q, err := r.query(c)
	if err != nil || r.contact == "" {
		return q, err
	}
	q.ContactID = r.contact
	if reference(r.contact).Email != "" {
		contact, err := s.findContact(ctx, r.contact)
		if err != nil {
			return q, err
		}
		q.ContactID = contact.ID
	}
	return q, nil
}
