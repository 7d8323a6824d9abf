// Package dashboard serves web pages on which a team creates, starts, watches and mends the
// automations of a Runner.
//
//	dash, err := dashboard.New(runner, dashboard.Options{Access: access})
//	if err != nil {
//		return err
//	}
//	mux.Handle("/internal/automations/", http.StripPrefix("/internal/automations", dash))
//
// The host decides who may do what: Options.Access returns a level for each request. The
// pages load nothing from elsewhere, keep no cookie, and need no prefix: every link is
// relative, so the Handler works behind any proxy. Everything but the editor works without
// JavaScript.
//
// The Handler keeps no data of its own: pages read from the Runner, and changes are as durable
// as the Runner's Store. Only the emails that it showed last stay in memory for a while. Any
// number of processes may serve the pages.
//
// Jobs about many runs, such as to retry thousands, work in goroutines of the Handler. Close
// stops them and waits for them. A person can start a job again that ended early.
package dashboard
