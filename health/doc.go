// Package health answers the probes of an orchestrator, such as Kubernetes, for a process
// with a Runner.
//
//	ready, err := health.New(runner, health.Options{NeedsRun: true})
//	if err != nil {
//		return err
//	}
//	mux.Handle("/readyz", ready)
//	mux.HandleFunc("/livez", health.Live)
//
// The two probes have different consequences, so they need different answers:
//
//   - Readiness decides whether the process gets requests. The Handler of New answers 503
//     while this process cannot do its part: its store does not answer or has tables of
//     another version, its Run is stalled, or no Run works although Options.NeedsRun is set.
//   - Liveness decides whether the process is killed. Live answers 200 for as long as the
//     process serves HTTP. A restart helps neither a database that is down nor a process
//     that has much to do, and it interrupts effects in flight. Do not use the Handler of
//     New for it.
//
// Problems that all processes share, such as work that is overdue, are in the body of the
// answer, and do not make a process unready: that would take the process away from the
// requests that it can answer. Alert on them instead, on Runner.Lag or on the problems.
package health
