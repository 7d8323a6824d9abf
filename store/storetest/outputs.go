package storetest

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/seed-b636437c/automation"
)

func outputChecks() []Check {
	return []Check{
		check("outputs/are kept beside the state of their run", outputKept),
		check("outputs/replace those of the same step", outputReplaced),
		check("outputs/writing twice is writing once", outputTwice),
		check("outputs/a refused transition leaves none behind", outputRefused),
		check("outputs/are dropped", outputDropped),
		check("outputs/are dropped without a trace", outputErased),
		check("outputs/go with their run", outputPruned),
		check("outputs/those that were returned may be changed", outputReturned),
	}
}

// output returns the output of a step.
func output(step int, text string) automation.StepOutput {
	return automation.StepOutput{Step: step, Output: []byte(text)}
}

// outputs returns all outputs of a run, as text.
func (f *fixture) outputs(run string) string { return outputsText(f.findOutputs(run)) }

func (f *fixture) findOutputs(run string) []automation.StepOutput {
	outputs, err := f.other.FindRunOutputs(f.ctx, run)
	f.must("find outputs", err)
	return outputs
}

func outputsText(outputs []automation.StepOutput) string {
	texts := make([]string, len(outputs))
	for i, out := range outputs {
		texts[i] = fmt.Sprintf("%d=%q", out.Step, out.Output)
	}
	return strings.Join(texts, " ")
}

// changing returns a transition that writes a run, and ends the lease.
func (f *fixture) changing(run automation.RunRecord, outputs ...automation.StepOutput) automation.Transition {
	t := release(f.take(run.ContactID, at(1)), at(1))
	t.Runs = []automation.RunChange{{RunRecord: run, Outputs: outputs}}
	return t
}

// keep writes outputs of a run.
func (f *fixture) keep(run automation.RunRecord, outputs ...automation.StepOutput) {
	f.commit(f.changing(run, outputs...))
}

// outputKept follows a run from the lease under which it was started to its end.
func outputKept(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	f.send("signup", contact, at(0))
	w := f.claimOne(at(0))
	start := f.started(v, contact, w.Events[0].Event)
	start.DueAt = at(0)
	start.Outputs = []automation.StepOutput{output(3, "three\x00\xff"), output(1, "one")}
	t := hold(w, at(0))
	t.Handled, t.Runs = handledOf(w), []automation.RunChange{start}
	f.commit(t)
	want := `1="one" 3="three\x00\xff"`
	f.equal("outputs of a run that was started", f.outputs(start.ID), want)

	run := start.RunRecord
	run.Step, run.DueAt, run.State = "second", at(0), []byte("another state")
	t = hold(w, at(0))
	t.Runs = []automation.RunChange{{RunRecord: run}}
	f.commit(t)
	f.equal("outputs of a run that goes on", f.outputs(run.ID), want)
	run.Listens, run.DueAt = []string{"ping"}, at(9)
	t = release(w, at(0))
	t.Runs = []automation.RunChange{{RunRecord: run, Outputs: []automation.StepOutput{output(0, "zero")}}}
	f.commit(t)
	want = `0="zero" ` + want
	f.equal("outputs of a run that waits", f.outputs(run.ID), want)
	ended(automation.RunFailed, at(1))(&run)
	f.keep(run, output(200, strings.Repeat("x", 1<<20)))
	f.equal("outputs of a run that has failed", f.outputs(run.ID), want+` 200="`+strings.Repeat("x", 1<<20)+`"`)
	f.equal("run", runText(f.findRun(run.ID)), runText(run))
	f.equal("outputs of a run that has none", f.outputs(f.run(v, contact, asleep(at(9))).ID), "")
	f.equal("outputs of a run that does not exist", f.outputs(missing), "")
}

func outputReplaced(f *fixture) {
	v := f.automation("welcome", "signup")
	run := f.run(v, f.contact("ada@example.com"), asleep(at(9)))
	f.keep(run, output(1, "one"), output(2, "two"))
	f.keep(run, output(3, "three"), output(1, "another"))
	f.equal("outputs", f.outputs(run.ID), `1="another" 2="two" 3="three"`)
}

func outputTwice(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	f.send("signup", contact, at(1))
	w := f.claimOne(at(1))
	t := hold(w, at(1))
	t.Handled, t.Runs = handledOf(w), []automation.RunChange{f.started(v, contact, w.Events[0].Event)}
	t.Runs[0].DueAt, t.Runs[0].Outputs = at(1), []automation.StepOutput{output(1, "one")}
	for range 2 {
		f.commit(t)
	}
	f.equal("outputs", f.outputs(t.Runs[0].ID), `1="one"`)
	t.Runs[0].New, t.Runs[0].DropOutputs, t.Runs[0].Outputs = false, true, []automation.StepOutput{output(2, "two")}
	for range 2 {
		f.commit(t)
	}
	f.equal("outputs", f.outputs(t.Runs[0].ID), `2="two"`)
}

func outputRefused(f *fixture) {
	kept, disabled := f.automation("kept", "signup"), f.automation("disabled", "signup")
	contact := f.contact("ada@example.com")
	run := f.run(kept, contact, asleep(at(9)))
	f.keep(run, output(1, "one"))
	stale := f.changing(run, output(1, "another"), output(2, "two"))
	stale.Runs[0].DropOutputs = true
	f.commit(release(f.take(contact, at(90)), at(90)))
	f.commitRefused("a transition under a lost lease", stale, automation.ErrLeaseLost)

	f.send("signup", contact, at(91))
	w := f.claimOne(at(91))
	f.disable("disabled")
	t := done(w, at(92))
	t.Runs = append(stale.Runs, f.started(disabled, contact, w.Events[0].Event))
	t.Runs[1].Outputs = []automation.StepOutput{output(3, "three")}
	f.commitRefused("a run of a disabled automation", t, automation.ErrConflict)
	f.equal("outputs of the run that exists", f.outputs(run.ID), `1="one"`)
	f.equal("outputs of the run that did not start", f.outputs(t.Runs[1].ID), "")
}

func outputDropped(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	run, other := f.run(v, contact, asleep(at(9))), f.run(v, contact, ended(automation.RunCompleted, at(1)))
	for _, r := range []automation.RunRecord{run, other} {
		f.keep(r, output(1, "one"), output(2, "two"))
	}
	t := f.changing(run, output(3, "three"))
	t.Runs[0].DropOutputs = true
	f.commit(t)
	f.equal("outputs after those before were dropped", f.outputs(run.ID), `3="three"`)
	t = f.changing(run)
	t.Runs[0].DropOutputs = true
	f.commit(t)
	f.equal("outputs after all were dropped", f.outputs(run.ID), "")
	f.equal("outputs of another run", f.outputs(other.ID), `1="one" 2="two"`)
}

func outputErased(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("bob@example.com")
	for _, set := range []func(*automation.RunRecord){asleep(at(9)), ended(automation.RunCompleted, at(1))} {
		run := f.run(v, contact, set)
		f.keep(run, output(1, address), output(2, address))
		t := f.changing(run)
		t.Runs[0].DropOutputs = true
		f.commit(t)
	}
	f.forgotten()
}

func outputPruned(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	kept, gone := f.run(v, contact, ended(automation.RunCompleted, at(10))), f.run(v, contact, ended(automation.RunCompleted, at(9)))
	f.run(v, contact, ended(automation.RunCompleted, at(9))) // a run without outputs
	for _, r := range []automation.RunRecord{kept, gone} {
		f.keep(r, output(1, "one"), output(2, "two"))
	}
	f.equal("how many runs were removed", f.prune(at(10), 100).Runs, 2)
	f.equal("outputs of a run that was removed", f.outputs(gone.ID), "")
	f.equal("outputs of a run that is kept", f.outputs(kept.ID), `1="one" 2="two"`)
}

func outputReturned(f *fixture) {
	v := f.automation("welcome", "signup")
	run := f.run(v, f.contact("ada@example.com"), asleep(at(9)))
	large := bytes.Repeat([]byte("x"), 10_000)
	f.keep(run, automation.StepOutput{Step: 1, Output: large})
	scratch(f.findOutputs(run.ID)[0].Output)
	f.equal("outputs", f.outputs(run.ID), `1="`+strings.Repeat("x", 10_000)+`"`)
}
