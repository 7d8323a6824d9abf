package journeys_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// callConfig is the config of a custom step.
type callConfig struct{}

func (callConfig) StepType() automation.StepType { return "crm.call" }

// calling is a registry that has the custom step.
func calling() *automation.Registry {
	r := automation.NewRegistry()
	automation.Handle(r, func(context.Context, automation.Call, callConfig) (automation.Result, error) {
		return automation.Result{}, nil
	}, automation.StepOptions{})
	return r
}

// called is a flow with the custom step, for carts of more than ten.
func called(while automation.WhileRunning) automation.Automation {
	a := perCart(world.Flow("carts", "cart.updated", automation.Step{Key: "call", Config: callConfig{}}, world.Pause("rest", "1 day"), world.Email("bye")), while)
	a.Entry.FilterRule = automation.Field("event.total").Gt(10)
	return a
}

func worth(total int) map[string]any { return map[string]any{"cart_id": 5, "total": total} }

// unread lets a process handle what is due that does not have the custom step.
func (p *play) unread() {
	p.T.Helper()
	opts := p.Opts
	opts.Registry = nil
	node := p.On(&world.Store{Store: p.base}, opts)
	_, err := node.Drain(p.Ctx)
	require.NoError(p.T, err)
}

// Case 19: a process that cannot read the graph gets the event. One that can decides later.
func TestUnreadableGraph_IsDecidedByAProcessThatReadsIt(t *testing.T) {
	cases := map[string]struct {
		while  automation.WhileRunning
		totals []int // of the events that the first process gets
		later  []int // of those that the second gets
		want   string
	}{
		"refuses":                           {"", []int{5}, nil, "x"},
		"admits":                            {"", []int{15}, nil, "1"},
		"admits both":                       {"", []int{15, 15}, nil, "11"},
		"ignores the second":                {automation.ReentryIgnore, []int{15, 15}, nil, "1x"},
		"refuses, and lets the next in":     {automation.ReentryIgnore, []int{5, 15}, nil, "x1"},
		"replaces the first":                {automation.ReentryRestart, []int{15, 15}, nil, "r1"},
		"refuses the second":                {automation.ReentryRestart, []int{15, 5}, nil, "1x"},
		"ignores one that it can read":      {automation.ReentryIgnore, []int{15}, []int{15}, "1x"},
		"lets one in that it can read":      {automation.ReentryIgnore, []int{5}, []int{15}, "x1"},
		"replaces by one that it can read":  {automation.ReentryRestart, []int{15}, []int{15}, "r1"},
		"refuses one that it can read":      {automation.ReentryRestart, []int{15}, []int{5}, "1x"},
		"refuses, and starts one after it":  {automation.ReentryRestart, []int{5}, []int{15}, "x1"},
		"parallel to one that it can read":  {"", []int{15}, []int{15}, "11"},
		"refuses the first in parallel too": {"", []int{5}, []int{15}, "x1"},
	}
	eachStore(t, func(t *testing.T, s store) {
		for name, tt := range cases {
			t.Run(name, func(t *testing.T) {
				s.kill(t, automation.Options{Registry: calling()}, func(p *play) {
					p.Create(called(tt.while))
					p.AddContact(automation.Contact{Email: "ada@example.com"})
					var ids []string
					for _, total := range tt.totals {
						ids = append(ids, p.Send(world.ForAda("cart.updated", worth(total)))...)
						p.unread()
					}
					for _, run := range p.Runs() {
						require.True(p.T, run.SetAside)
					}
					for _, total := range tt.later {
						ids = append(ids, p.Send(world.ForAda("cart.updated", worth(total)))...)
					}
					p.Settle(time.Hour)
					got := ""
					for _, id := range ids {
						runs := p.RunsOf(id)
						switch {
						case len(runs) == 0:
							assert.Len(p.T, p.Decided(id), 1)
							got += "x"
						case runs[0].Status == automation.RunRunning:
							assert.Empty(p.T, p.Decided(id))
							got += "1"
						case runs[0].Error.Code == automation.CancelledNotAdmitted:
							assert.Len(p.T, p.Decided(id), 1)
							got += "x"
						case runs[0].Error.Code == automation.CancelledReplaced:
							got += "r"
						default:
							got += "?"
						}
					}
					assert.Equal(p.T, tt.want, got)
				})
			})
		}
	})
}

// Case 19: the exit of the run comes before a process can start it.
func TestUnreadableGraph_ExitComesMeanwhile(t *testing.T) {
	killed(t, automation.Options{Registry: calling()}, func(p *play) {
		p.Create(untilPaid(world.Flow("carts", "cart.updated", world.Email("hello"), automation.Step{Key: "call", Config: callConfig{}})))
		p.AddContact(automation.Contact{Email: "ada@example.com"})
		p.Send(world.ForAda("order.paid", cart(5)))
		p.unread()
		id := p.Send(world.ForAda("cart.updated", cart(5)))[0]
		p.unread()
		other := p.Send(world.ForAda("cart.updated", cart(6)))[0]
		p.unread()
		p.Send(world.ForAda("order.paid", cart(5)))
		p.unread()
		p.Settle(time.Hour)
		run := p.Of(id)
		assert.NotNil(p.T, run.Exit)
		assert.Empty(p.T, world.Step(p.T, run, "hello").Attempts)
		assert.Equal(p.T, automation.RunCompleted, p.Of(other).Status)
		assert.Equal(p.T, []string{"hello"}, p.Sent())
		p.checkEmails()
	})
}
