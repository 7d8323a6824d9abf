// Package httpapi serves Resend's REST API for automations, events, contacts and their
// properties, segments and templates from the host's own Runner. Clients of Resend work with this API once
// their base URL is changed.
//
//	api, err := httpapi.New(runner, httpapi.Options{
//		Keys: []httpapi.Key{{Name: "backend", Hash: httpapi.HashKey(os.Getenv("API_KEY"))}},
//	})
//	if err != nil {
//		return err
//	}
//	mux.Handle("/api/", http.StripPrefix("/api", api))
//
// The Handler keeps nothing that must not get lost: it remembers only what became of the last
// imports of contacts, which it performs while the client waits. An event that the Handler answers
// with 202 is as durable as the Runner's Store, and takes effect in any process whose
// Runner runs on that Store. Any number of processes may serve the API side by side;
// each process counts its rate limits alone. To stop, shut the http.Server down.
//
// Requests, answers and errors have the shapes of Resend's. These calls are not
// Resend's: a run can be cancelled and retried (POST
// /automations/{id}/runs/{run_id}/cancel and …/retry), many failed runs are retried at
// once (POST /runs/retry) and many running ones cancelled (POST /runs/cancel), an automation
// and an email can have a retry policy of their own (the field retry), runs are counted (GET
// /automations/{id}/metrics) and listed by contact (GET /contacts/{id or
// email}/runs), the events that were sent are listed with what became of each (GET
// /received-events) and why they started no runs (GET /events/{id}/decisions, with the id of
// an event that was sent), an automation can have rules that decide which events start runs
// and what ends runs early (the fields entry and exit), and an automation is validated without being kept (POST
// /automations/validate). With the body {"cancel_runs": true}, POST
// /automations/{id}/stop also cancels the runs in progress. The header
// Idempotency-Key makes POST /events/send safe to repeat. GET /openapi.json, which
// needs no key, describes all calls that are served in OpenAPI 3.1.
//
// A contact joins and has only segments that exist: POST /segments or
// Runner.CreateSegment makes one, and its contacts have left it once it is deleted. An
// add_to_segment step needs only an id, which need not be the id of a segment: the API
// does not show such a membership. Where contacts live in the application's own table, any
// id may name a segment.
//
// Bodies are read strictly: an unknown field, a field that is given twice or a
// value of the wrong type is an error that names its path. So is an unknown parameter in
// the query of a URL: middleware that reads parameters of its own removes them. null means the same as an
// absent field, except where it clears something, and [] is an empty object where an
// object belongs: some clients cannot write either otherwise. A request that is
// answered with 4xx changes nothing. A request that is answered with 500 is logged
// under the id in the error message, and may have taken effect.
package httpapi
