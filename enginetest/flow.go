package enginetest

import (
	"time"

	"github.com/seed-b636437c/automation"
)

// flow returns an automation whose steps follow one another. A condition leads to the next
// step if it is met, a wait if its event was received.
func flow(id, event string, steps ...automation.Step) automation.Automation {
	a := automation.Automation{
		ID: id, Name: id, Status: automation.StatusEnabled,
		Steps: []automation.Step{{Key: "start", Config: automation.Trigger{EventName: event}}},
	}
	for _, s := range steps {
		last := a.Steps[len(a.Steps)-1]
		a = fork(a, last.Key, onward(last), s)
	}
	return a
}

// onward returns the connection that flow gives to a step.
func onward(s automation.Step) automation.ConnectionType {
	switch s.Config.StepType() {
	case automation.TypeCondition:
		return automation.ConnectionConditionMet
	case automation.TypeWaitForEvent:
		return automation.ConnectionEventReceived
	default:
		return automation.ConnectionDefault
	}
}

// fork adds a step to which a branch of another step leads.
func fork(a automation.Automation, from string, branch automation.ConnectionType, to automation.Step) automation.Automation {
	a.Steps = append(a.Steps, to)
	a.Connections = append(a.Connections, automation.Connection{From: from, To: to.Key, Type: branch})
	return a
}

// email returns a step that sends the template with the id key. Each variable has the name
// and the path of a reference.
func email(key string, variables ...string) automation.Step {
	template := automation.TemplateRef{ID: key}
	for i := 0; i < len(variables); i += 2 {
		if template.Variables == nil {
			template.Variables = map[string]automation.Value{}
		}
		template.Variables[variables[i]] = automation.Var(variables[i+1])
	}
	return automation.Step{Key: key, Config: automation.SendEmail{Template: template}}
}

func pause(key string, d time.Duration) automation.Step {
	return automation.Step{Key: key, Config: automation.Delay{Duration: automation.DurationOf(d)}}
}

// wait returns a wait for an event. A zero timeout means none.
func wait(key, event string, timeout time.Duration) automation.Step {
	return automation.Step{Key: key, Config: automation.WaitForEvent{EventName: event, Timeout: automation.DurationOf(timeout)}}
}

func lookBack(key, event string) automation.Step {
	return automation.Step{Key: key, Config: automation.WaitForEvent{EventName: event, Lookback: true}}
}

func when(key string, rule automation.Rule) automation.Step {
	return automation.Step{Key: key, Config: automation.Condition{Rule: rule}}
}

// set returns a step that sets a property of the contact.
func set(key, property string, v automation.Value) automation.Step {
	return automation.Step{Key: key, Config: automation.ContactUpdate{Properties: map[string]automation.Value{property: v}}}
}

// longTime is a delay that no check lives to see.
const longTime = 24 * time.Hour

// call is the config of the custom step. Its type executes the function of the check with the
// name Do.
type call struct {
	Do string `json:"do"`
}

// StepType implements automation.StepConfig.
func (call) StepType() automation.StepType { return "enginetest.call" }

// do returns a custom step that executes the function with its key as the name.
func do(key string) automation.Step { return automation.Step{Key: key, Config: call{Do: key}} }
