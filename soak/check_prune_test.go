//go:build unix

package soak

import (
	"errors"

	"github.com/seed-b636437c/automation"
)

// readPruned adds the runs that were pruned: those that the store does not have, and that a node
// found to be old enough.
func (a *audit) readPruned() error {
	for id, run := range a.ledger.archive.runs {
		if !a.kept[id] {
			a.runs = append(a.runs, run)
			a.seen[run.AutomationID+" "+run.EventID]++
		}
	}
	return nil
}

// checkPruned checks that the runs that were pruned are gone as a whole, and that a run that is
// kept has its event.
func (a *audit) checkPruned() {
	for _, run := range a.runs {
		switch {
		case !a.kept[run.ID]:
			a.isGone(run.ID)
		case !a.found[run.EventID]:
			a.problem("run %s is kept, and its event %s is pruned", run.ID, run.EventID)
		}
	}
}

// isGone checks that the store has nothing of a run.
func (a *audit) isGone(id string) {
	if _, err := a.store.FindRun(a.ctx, id); !errors.Is(err, automation.ErrNotFound) {
		a.problem("run %s is pruned, and found: %v", id, err)
	}
	if outputs, err := a.store.FindRunOutputs(a.ctx, id); err != nil || len(outputs) > 0 {
		a.problem("run %s is pruned, and has outputs: %+v, %v", id, outputs, err)
	}
}

// pruneAll prunes all that has ended, and checks that nothing else is gone.
func (a *audit) pruneAll() {
	if _, err := a.runner.Prune(a.ctx, 0); err != nil {
		a.problem("pruning: %w", err)
		return
	}
	running := map[string]bool{} // events that started a run which is running
	for _, run := range a.runs {
		if run.Status != automation.RunRunning {
			a.isGone(run.ID)
			continue
		}
		running[run.EventID] = true
		if _, err := a.store.FindRun(a.ctx, run.ID); err != nil {
			a.problem("run %s is running, and pruned: %w", run.ID, err)
		}
	}
	for id := range a.ledger.events {
		_, err := a.store.FindEvent(a.ctx, id)
		if kept := err == nil; kept != running[id] {
			a.problem("event %s is kept: %t; a run that it started is running: %t; %v", id, kept, running[id], err)
		}
	}
	a.checkGifts()
}

// checkGifts checks that the starts of giftFlow are counted, although all its runs are pruned.
func (a *audit) checkGifts() {
	for id, p := range a.people {
		plans := map[string]bool{}
		for _, e := range p.events {
			if e.Name == evOrder && p.gone == nil {
				plans[e.Plan] = true
			}
		}
		counts := a.gifts(id)
		if len(counts) != len(plans) {
			a.problem("contact %s: %d counts of starts instead of %d", id, len(counts), len(plans))
		}
		for _, c := range counts {
			if c.Count != 1 {
				a.problem("contact %s has %d starts instead of one: %+v", id, c.Count, c)
			}
		}
	}
}

// gifts returns the counts of the starts of giftFlow for a contact.
func (a *audit) gifts(contactID string) []automation.EntryCount {
	graph, err := automation.Compile(gift(), automation.CompileOptions{})
	if err != nil {
		a.problem("compiling: %w", err)
		return nil
	}
	var refs []automation.EntryRef
	for _, plan := range []string{goldPlan, basicPlan} {
		key, _ := graph.EntryKey(map[string]any{"plan": plan})
		refs = append(refs, automation.EntryRef{AutomationID: giftFlow, Key: key})
	}
	counts, err := a.store.FindEntries(a.ctx, contactID, refs)
	if err != nil {
		a.problem("counts of starts: %w", err)
	}
	return counts
}
