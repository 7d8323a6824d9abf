package automation

import "encoding/json"

// StepRuns returns the records of all steps in graph order. Steps that the run
// can still reach are pending, the others skipped.
func (g *Graph) StepRuns(s State) []StepRun {
	if !g.fits(s) {
		return nil
	}
	reached := make([]*stepState, len(g.steps))
	for i := range s.steps {
		reached[s.steps[i].index] = &s.steps[i]
	}
	var ahead []bool
	if s.Status() == RunRunning {
		ahead = g.ahead(s.at)
	}
	runs := make([]StepRun, 0, len(g.order))
	for _, i := range g.order {
		runs = append(runs, g.stepRun(i, reached[i], ahead != nil && ahead[i]))
	}
	return runs
}

func (g *Graph) stepRun(i int, st *stepState, ahead bool) StepRun {
	r := StepRun{Key: g.steps[i].key, Type: g.steps[i].typ, Status: StepSkipped}
	if st == nil {
		if ahead {
			r.Status = StepPending
		}
		return r
	}
	r.Status, r.Output, r.Error, r.Attempts = st.status, g.output(st), st.err, st.attempts
	r.Branch = g.steps[i].branch(st)
	r.CreatedAt, r.StartedAt, r.CompletedAt = st.startedAt, st.startedAt, st.completedAt
	return r
}

// output returns what a step has recorded. What follows from the graph is not stored:
// a delay's end, and what a condition has compared.
func (g *Graph) output(st *stepState) json.RawMessage {
	switch n := &g.steps[st.index]; n.typ {
	case TypeDelay:
		return timeOutput("resume_at", stamp(st.startedAt.Add(n.duration)))
	case TypeCondition:
		if met, outcomes, ok := readOutcomes(st.output); ok {
			return conditionOutput(met, n.rule, outcomes)
		}
	}
	return st.output
}

// ahead tells which steps can be reached from the given one.
func (g *Graph) ahead(from int) []bool {
	seen := make([]bool, len(g.steps))
	var visit func(i int)
	visit = func(i int) {
		if seen[i] {
			return
		}
		seen[i] = true
		for _, e := range g.steps[i].edges {
			visit(e.to)
		}
	}
	visit(from)
	return seen
}
