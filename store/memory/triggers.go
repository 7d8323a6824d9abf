package memory

import (
	"slices"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// addTriggers lists an automation under the events that its triggers name, in order of
// creation.
func (s *Store) addTriggers(e *automationEntry) {
	for _, name := range e.TriggerNames() {
		delete(s.startsByEvent, name)
		list := s.triggers[name]
		i, _ := slices.BinarySearchFunc(list, e.seq, func(a *automationEntry, seq uint64) int { return int(a.seq) - int(seq) })
		s.triggers[name] = slices.Insert(list, i, e)
	}
}

func (s *Store) removeTriggers(e *automationEntry) {
	for _, name := range e.TriggerNames() {
		delete(s.startsByEvent, name)
		list := slices.DeleteFunc(s.triggers[name], func(a *automationEntry) bool { return a == e })
		if len(list) == 0 {
			delete(s.triggers, name)
			continue
		}
		s.triggers[name] = list
	}
}

// starts returns what an event starts. All claims share the slices until one of the
// automations whose triggers name the event changes.
func (s *Store) starts(event string) record.Starts {
	list := s.triggers[event]
	if len(list) == 0 {
		return record.Starts{}
	}
	if known, ok := s.startsByEvent[event]; ok {
		return known
	}
	var st record.Starts
	for _, a := range list {
		st.Add(automation.VersionRef{AutomationID: a.ID, Version: a.Version}, a.Status == automation.StatusEnabled, a.Gathers)
	}
	s.startsByEvent[event] = st
	return st
}

// gather adds to a claim the remaining running runs of automations that gather.
func (cs *contactState) gather(w *automation.Work, automations map[string]bool) {
	if len(automations) == 0 {
		return
	}
	brought := make(map[string]bool, len(w.Runs))
	for i := range w.Runs {
		brought[w.Runs[i].ID] = true
	}
	var gathered []*run
	for _, r := range cs.running {
		if r.status == running && automations[r.automation.ID] && !brought[r.id] {
			gathered = append(gathered, r)
		}
	}
	slices.SortFunc(gathered, func(a, b *run) int { return int(a.seq) - int(b.seq) })
	for _, r := range gathered {
		w.Runs = append(w.Runs, r.claimed())
	}
}
