package journeys_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// Case 20: a thousand events for an email that belongs to no contact, in two letter cases. The
// filter refuses the first, and lets the second in: one contact, one run.
func TestInbox_MakesOneContact(t *testing.T) {
	for name, host := range map[string]bool{"in the store": false, "in the host's directory": true} {
		t.Run(name, func(t *testing.T) {
			onEach(t, automation.Options{}, func(p *play) {
				users := p.withUsers(host)
				events := p.thousand()
				var ids []string
				for len(ids) < len(events) {
					ids = append(ids, p.Send(events[len(ids):min(len(ids)+100, len(events))]...)...)
				}
				p.Settle(time.Hour)
				p.checkInbox(ids, users)
			})
		})
	}
}

// Case 20, with a process that dies, and with a contact that others make in between.
func TestInbox_MakesOneContactWithKills(t *testing.T) {
	for name, host := range map[string]bool{"in the store": false, "in the host's directory": true} {
		for when, made := range map[string]int{"": 0, ", and others make it first": 1, ", and others make it next": 2} {
			t.Run(name+when, func(t *testing.T) {
				killed(t, automation.Options{}, func(p *play) {
					users := p.withUsers(host)
					events := p.thousand()
					ids := p.Send(events[:6]...)
					claims := 0
					p.Store.AfterClaim = func([]automation.Work) {
						if claims++; claims != made {
							return
						}
						if host && len(users.Rows()) == 0 {
							users.Edit("by-others", func(c *automation.Contact) { c.ID, c.Email = "by-others", "ADA@example.com" })
						}
						if host {
							return
						}
						_, err := p.beside.CreateContact(p.Ctx, automation.Contact{Email: "Ada@example.com"})
						if err != nil {
							require.ErrorIs(p.T, err, automation.ErrConflict)
						}
					}
					p.Settle(time.Hour)
					p.checkInbox(ids, users)
				})
			})
		}
	}
}

// withUsers lets the contacts be the host's, if there is a host.
func (p *play) withUsers(host bool) *world.Users {
	users := world.NewUsers()
	if host {
		p.Opts.Contacts = users
		p.restart()
	}
	p.second = p.process()
	p.beside = p.On(p.second, p.Opts)
	return users
}

// thousand creates an automation, and returns a thousand events for it, of which the first is
// refused.
func (p *play) thousand() (events []automation.Event) {
	a := world.Flow("once", "signup", world.Email("hello"))
	a.Entry = &automation.Entry{
		FilterRule: automation.Field("event.n").Gt(0), Reentry: automation.Reentry{Limit: 1, WhileRunning: automation.ReentryIgnore},
	}
	p.Create(a)
	for i := range 1000 {
		email := []string{"ada@example.com", "ADA@example.com"}[i%2]
		events = append(events, automation.Event{Name: "signup", Email: email, Payload: automation.Payload(map[string]any{"n": i})})
	}
	return events
}

func (p *play) checkInbox(ids []string, users *world.Users) {
	p.T.Helper()
	require.Len(p.T, p.Runs(), 1)
	assert.Equal(p.T, ids[1], p.Run().EventID)
	assert.Equal(p.T, []automation.DecisionCode{automation.DecisionTriggerFilter}, p.Decided(ids[0]))
	for _, id := range ids[2:] {
		codes := p.Decided(id)
		require.Len(p.T, codes, 1)
		require.Contains(p.T, []automation.DecisionCode{automation.DecisionRunning, automation.DecisionLimit}, codes[0])
	}
	assert.Equal(p.T, []string{"hello"}, p.Sent())
	if p.Opts.Contacts != nil {
		assert.Len(p.T, users.Rows(), 1)
		return
	}
	page, err := p.ListContacts(p.Ctx, automation.ContactQuery{})
	require.NoError(p.T, err)
	assert.Len(p.T, page.Data, 1)
}

// Case 25: an erased contact leaves no key, no cause and no evidence.
func TestErase_LeavesNoKeyCauseOrDecision(t *testing.T) {
	killed(t, automation.Options{}, func(p *play) {
		a := untilPaid(perCart(world.Flow("carts", "cart.updated", world.Email("hello"), tell("tell", "told"), world.Pause("rest", "1 day")), automation.ReentryIgnore))
		a.Entry.Reentry.Limit = 3
		a.Exit.Events[0].FilterRule = automation.Field("event.sum").Gt(0)
		p.Create(a)
		p.Create(world.Flow("hears", "told", world.Pause("rest", "1 day")))
		ids := p.Send(world.ForAda("cart.updated", cart("secret")))
		p.Drain()
		ids = append(ids, p.Send(world.ForAda("cart.updated", cart("secret")), world.ForAda("order.paid", cart("secret")))...)
		p.Drain()
		ada := p.Contact("ada@example.com").ID
		page, err := p.ListEvents(p.Ctx, automation.EventQuery{Contact: automation.ContactRef{ID: ada}})
		require.NoError(p.T, err)
		for _, e := range page.Data {
			if e.Cause != nil {
				ids = append(ids, e.ID)
			}
		}
		require.Len(p.T, ids, 4)
		require.NotEmpty(p.T, p.Decided(ids[1]))
		require.NotEmpty(p.T, p.Decided(ids[2]))
		g, err := automation.Compile(a, automation.CompileOptions{})
		require.NoError(p.T, err)
		key, ok := g.EntryKey(map[string]any{"cart_id": "secret"})
		require.True(p.T, ok)
		counts := func() []automation.EntryCount {
			found, err := p.base.FindEntries(p.Ctx, ada, []automation.EntryRef{{AutomationID: "carts", Key: key}})
			require.NoError(p.T, err)
			return found
		}
		require.Len(p.T, counts(), 1)

		p.do(func(r *automation.Runner) error { return r.EraseContact(p.Ctx, automation.ContactRef{ID: ada}) })
		p.Settle(48 * time.Hour)
		assert.Empty(p.T, counts())
		for _, id := range ids {
			decisions, err := p.ListDecisions(p.Ctx, id)
			require.NoError(p.T, err)
			for _, d := range decisions {
				assert.Empty(p.T, d.Evidence)
			}
			e, err := p.GetEvent(p.Ctx, id)
			require.NoError(p.T, err)
			assert.Nil(p.T, e.Cause)
			assert.Nil(p.T, e.Payload)
		}
		for _, run := range p.Runs() {
			assert.NotEqual(p.T, automation.RunRunning, run.Status)
			text, err := json.Marshal(run)
			require.NoError(p.T, err)
			assert.False(p.T, strings.Contains(string(text), "secret") || strings.Contains(string(text), "ada@"), string(text))
		}
	})
}
