package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// received is an event in the answers of GET /received-events.
type received struct {
	ID      string   `json:"id"`
	Event   string   `json:"event"`
	Status  string   `json:"status"`
	Started []string `json:"started_runs"`
	Resumed []string `json:"resumed_runs"`
	Reason  *string  `json:"reason"`
}

func (a *api) received(query string) []received {
	a.t.Helper()
	var got struct {
		Data []received `json:"data"`
	}
	require.NoError(a.t, json.Unmarshal([]byte(a.must(http.StatusOK, "GET", "/received-events"+query, "").body), &got))
	return got.Data
}

func TestReceivedEvents_ShowWhatBecameOfThem(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.create()
	send := func(event, email string) {
		a.must(http.StatusAccepted, "POST", "/events/send", `{"event": "`+event+`", "email": "`+email+`", "payload": {"plan": "pro"}}`)
	}
	send("user.created", "ada@example.com")
	all := a.received("")
	require.Len(t, all, 1)
	assert.Equal(t, received{ID: all[0].ID, Event: "user.created", Status: "pending", Started: []string{}, Resumed: []string{}}, all[0])

	a.drain()
	between := a.clock.Now().Add(time.Second)
	a.clock.Add(2 * time.Second)
	send("page.viewed", "bob@example.com")
	a.drain()
	all = a.received("")
	require.Len(t, all, 2)
	reason := "no_match"
	assert.Equal(t, received{ID: all[0].ID, Event: "page.viewed", Status: "handled", Started: []string{}, Resumed: []string{}, Reason: &reason}, all[0])
	assert.Len(t, all[1].Started, 1)
	assert.Contains(t, a.must(http.StatusOK, "GET", "/received-events/"+all[1].ID, "").body, `"object":"received_event"`)

	at := url.QueryEscape(between.Format(time.RFC3339))
	for query, want := range map[string][]received{
		"?email=Ada@Example.com":                 all[1:],
		"?email=nobody@example.com":              {},
		"?event=page.viewed&accepted_from=" + at: all[:1],
		"?accepted_from=" + at:                   all[:1],
		"?accepted_until=" + at:                  all[1:],
		"?limit=1":                               all[:1],
		"?after=" + all[0].ID:                    all[1:],
		"?event=page.viewed&accepted_from=" + at + "&after=" + all[0].ID: {},
	} {
		assert.Equal(t, want, a.received(query), query)
	}
}

func TestReceivedEvents_RefuseWhatTheyWouldMisread(t *testing.T) {
	t.Parallel()
	a := setup(t)
	for path, status := range map[string]int{
		"/received-events/unknown":                    http.StatusNotFound,
		"/received-events?after=unknown":              http.StatusUnprocessableEntity,
		"/received-events?accepted_from=yesterday":    http.StatusUnprocessableEntity,
		"/received-events?accepted_until=2026-03-02":  http.StatusUnprocessableEntity,
		"/received-events?contact_id=a&email=a@b.com": http.StatusUnprocessableEntity,
		"/received-events?event=page.viewed":          http.StatusUnprocessableEntity,
		"/received-events?limit=0":                    http.StatusUnprocessableEntity,
	} {
		a.must(status, "GET", path, "")
	}
}
