// Package httpapi answers the REST API of Resend's automations, events, contacts,
// segments and templates from a Runner of the host's own. Clients of Resend work with
// it once their base URL is changed.
//
//	api, err := httpapi.New(runner, httpapi.Options{
//		Keys: []httpapi.Key{{Name: "backend", Hash: httpapi.HashKey(os.Getenv("API_KEY"))}},
//	})
//	if err != nil {
//		return err
//	}
//	mux.Handle("/api/", http.StripPrefix("/api", api))
//
// The Handler keeps nothing that must not get lost: an event that was answered
// with 202 is as durable as the Runner's Store, and takes effect wherever a Runner
// runs on it. Any number of processes may serve the API side by side; each counts
// its rate limits alone. To stop, shut the http.Server down.
//
// Requests, answers and errors have the shapes of Resend's, with these calls
// beyond it: a run can be cancelled and retried (POST
// /automations/{id}/runs/{run_id}/cancel and …/retry), runs are counted (GET
// /automations/{id}/metrics) and listed by contact (GET /contacts/{id or
// email}/runs), and an automation is checked without being kept (POST
// /automations/validate). The body {"cancel_runs": true} lets POST
// /automations/{id}/stop cancel the runs in progress too. The header
// Idempotency-Key makes POST /events/send safe to repeat. GET /openapi.json, which
// needs no key, describes all calls that are served in OpenAPI 3.1.
//
// A contact can be in a segment that has no name: an add_to_segment step asks for
// none. So POST /contacts/{id or email}/segments/{segment_id} and GET
// /segments/{id}/contacts do not ask for one either, while GET /contacts/{id or
// email}/segments leaves such segments out.
//
// Bodies are read strictly: an unknown field, a field that is given twice or a
// value of the wrong type is an error that names its path. A request that is
// answered with 4xx has changed nothing. One that is answered with 500 is logged
// under the id in its message, and may have taken effect.
package httpapi
