package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"testing"
	"time"

	"cel.dev/cel-go/cel"
	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"github.com/seed-b636437c/automation"
)

// w6 is one condition of eight comparisons on the same event and contact, all of which must
// be evaluated: seven hold, and the eighth is in a group of which one comparison must hold.
// The condition is compiled and the data is decoded before the clock starts: w6 measures
// only the evaluation. The clock is that of testing.Benchmark, on one goroutine.
//
// "automation-step" is a whole run of this library from its trigger through the condition to
// a delay, with the step record, which has the result of each comparison. "automation-bare"
// is the same run without the condition. The difference between the two is the step.
func w6() ([]result, error) {
	var results []result
	for _, c := range []struct {
		name  string
		ready func() (func() (bool, error), error)
	}{
		{"automation", ourCondition}, {"automation-step", stepRun}, {"automation-bare", bareRun},
		{"expr", exprCondition}, {"cel", celCondition},
	} {
		holds, err := c.ready()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		if ok, err := holds(); err != nil || !ok {
			return nil, errors.Join(fmt.Errorf("%s: the condition does not hold", c.name), err)
		}
		results = append(results, evaluate(c.name, holds))
	}
	return results, nil
}

func evaluate(name string, holds func() (bool, error)) result {
	took := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if ok, err := holds(); err != nil || !ok {
				b.Fatal(ok, err)
			}
		}
	})
	return result{Work: "W6", Engine: name, Store: onNone, N: took.N, Values: []value{
		{float64(took.NsPerOp()), "ns/op"}, {float64(took.AllocsPerOp()), "allocs/op"}, {float64(took.AllocedBytesPerOp()), "B/op"},
	}}
}

// The data of the condition, and the condition in the syntax of the peers.
var (
	conditionEvent      = map[string]any{"plan": "pro", "country": "DE", "amount": 49.5, "coupon": "SPRING-24"}
	conditionProperties = map[string]any{"seats": 12.0, "role": "admin"}
	conditionEmail      = "ada@example.com"
)

const conditionText = `event.plan == "pro" && event.country != "US" && event.amount >= 10.0 && event.amount < 100.0 && ` +
	`(event.coupon.startsWith("WINTER") || (contact.seats > 5.0 && contact.role == "admin" && contact.email.endsWith("@example.com")))`

// conditionExpr is the condition for expr, whose operators for text are words.
const conditionExpr = `event.plan == "pro" && event.country != "US" && event.amount >= 10.0 && event.amount < 100.0 && ` +
	`(event.coupon startsWith "WINTER" || (contact.seats > 5.0 && contact.role == "admin" && contact.email endsWith "@example.com"))`

// conditionVariables is the data in the form of the peers.
func conditionVariables() map[string]any {
	return map[string]any{
		"event": conditionEvent,
		"contact": map[string]any{
			"email": conditionEmail, "seats": conditionProperties["seats"], "role": conditionProperties["role"],
		},
	}
}

// conditionRule is the condition as a rule of this library.
var conditionRule = automation.All(
	automation.Field("event.plan").Eq("pro"),
	automation.Field("event.country").Neq("US"),
	automation.Field("event.amount").Gte(10),
	automation.Field("event.amount").Lt(100),
	automation.Any(
		automation.Field("event.coupon").StartsWith("WINTER"),
		automation.All(
			automation.Field("contact.properties.seats").Gt(5),
			automation.Field("contact.properties.role").Eq("admin"),
			automation.Field("contact.email").EndsWith("@example.com"),
		),
	),
)

func ourCondition() (func() (bool, error), error) {
	rule, err := automation.CompileRule(conditionRule, automation.RuleOptions{})
	if err != nil {
		return nil, err
	}
	data := conditionData()
	return func() (bool, error) { return rule.Holds(data) }, nil
}

// conditionData is the data in the form of this library.
func conditionData() automation.Data {
	return automation.Data{
		Event:   exact(conditionEvent),
		Contact: &automation.Contact{Email: conditionEmail, Properties: exact(conditionProperties)},
	}
}

func stepRun() (func() (bool, error), error) {
	return advancing(
		[]automation.Step{{Key: "check", Config: automation.Condition{Rule: conditionRule}}},
		automation.Connection{From: "start", To: "check"},
		automation.Connection{From: "check", To: "held", Type: automation.ConnectionConditionMet},
	)
}

func bareRun() (func() (bool, error), error) {
	return advancing(nil, automation.Connection{From: "start", To: "held"})
}

// advancing returns a function that advances a run from its trigger through steps to a delay.
func advancing(steps []automation.Step, connections ...automation.Connection) (func() (bool, error), error) {
	a := automation.Automation{Name: "Condition", Connections: connections}
	a.Steps = append(a.Steps, automation.Step{Key: "start", Config: automation.Trigger{EventName: "user.created"}})
	a.Steps = append(a.Steps, steps...)
	a.Steps = append(a.Steps, automation.Step{Key: "held", Config: automation.Delay{Duration: automation.MustParseDuration("1 day")}})
	g, err := automation.Compile(a, automation.CompileOptions{})
	if err != nil {
		return nil, err
	}
	in := automation.Input{Kind: automation.InputStarted, Now: time.Now(), Data: conditionData()}
	return func() (bool, error) {
		_, action, err := g.Advance(automation.State{}, in)
		return action.Kind == automation.ActionSleep, err
	}, nil
}

// exact returns fields with numbers in the form of this library, which keeps their text.
func exact(fields map[string]any) map[string]any {
	written := maps.Clone(fields)
	for name, v := range written {
		if f, ok := v.(float64); ok {
			written[name] = json.Number(strconv.FormatFloat(f, 'f', -1, 64))
		}
	}
	return written
}

// exprCondition declares the types of the fields, so that expr needs no conversions, and
// reuses one virtual machine, as expr's own benchmark does for speed.
func exprCondition() (func() (bool, error), error) {
	program, err := expr.Compile(conditionExpr, expr.AsBool(), expr.Env(types.Map{
		"event":   types.Map{"plan": types.String, "country": types.String, "amount": types.Float64, "coupon": types.String},
		"contact": types.Map{"email": types.String, "seats": types.Float64, "role": types.String},
	}))
	if err != nil {
		return nil, err
	}
	variables := conditionVariables()
	var machine vm.VM
	return func() (bool, error) {
		out, err := machine.Run(program, variables)
		if err != nil {
			return false, err
		}
		return out.(bool), nil
	}, nil
}

// celCondition makes an activation of its variables once, not for every evaluation.
func celCondition() (func() (bool, error), error) {
	fields := cel.MapType(cel.StringType, cel.DynType)
	env, err := cel.NewEnv(cel.Variable("event", fields), cel.Variable("contact", fields))
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(conditionText)
	if issues.Err() != nil {
		return nil, issues.Err()
	}
	program, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, err
	}
	variables, err := cel.NewActivation(conditionVariables())
	if err != nil {
		return nil, err
	}
	return func() (bool, error) {
		out, _, err := program.Eval(variables)
		if err != nil {
			return false, err
		}
		return out.Value().(bool), nil
	}, nil
}
