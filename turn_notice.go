package automation

func (t *turn) notice(n Notice) {
	if t.r.opts.Observer != nil {
		t.notices = append(t.notices, n)
	}
}

// noticeChanges adds notices of the steps that changed since the state before, and of the
// end of the run.
func (t *turn) noticeChanges(run *activeRun, before State) {
	if t.r.opts.Observer == nil {
		return
	}
	rec := run.rec
	rec.Status, rec.Step, rec.Error, rec.Exit = run.state.Status(), run.action.Step, run.state.failure(), run.state.Exit()
	rec.Listens, rec.DueAt = run.graph.listens(&run.action), run.graph.dueAt(&run.state)
	for _, step := range run.graph.changes(before, run.state) {
		t.notice(&StepChanged{At: t.now, Run: rec.run(), Step: step})
	}
	// A failed run whose retry ends at an earlier event ends anew, without running in between.
	if run.action.Kind == ActionDone && (before.Status() == RunRunning || before.Status() != run.state.Status()) {
		rec.CompletedAt = t.now
		t.notice(&RunEnded{At: t.now, Run: rec.run()})
	}
}
