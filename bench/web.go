package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/seed-b636437c/automation/httpapi"
)

// web is an engine with an HTTP API of its own.
type web interface {
	// Handler returns the API. POST /events/send starts a run of Flow.
	Handler() http.Handler
}

// apiKey is the key of the clients.
const apiKey = "bench-0195a3c07d007000800000000000"

// Handler implements web.
func (e *ours) Handler() http.Handler { return e.api }

// newAPI returns the API of a Runner.
func (e *ours) newAPI() (err error) {
	e.api, err = httpapi.New(e.runner, httpapi.Options{Keys: []httpapi.Key{{Name: "bench", Hash: httpapi.HashKey(apiKey)}}})
	return err
}

// byHand is what an application writes around an engine without an API.
type byHand struct{ engine engine }

// ServeHTTP implements http.Handler. The run is durable when the response is sent.
func (h byHand) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		ContactID string `json:"contact_id"`
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&body)
	i, numberErr := numberOf(body.ContactID)
	if err != nil || numberErr != nil {
		http.Error(w, "invalid body", http.StatusBadRequest)
		return
	}
	if err := h.engine.Flow(r.Context(), i); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// caller is the clients of an API.
type caller struct {
	url     string
	clients int
	http    *http.Client
}

// newCaller returns clients that keep a connection each.
func newCaller(url string, clients int) *caller {
	return &caller{url, clients, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}}
}

func (c *caller) close() { c.http.CloseIdleConnections() }

// sendAll sends the events of the runs from the first number to the second, which is excluded, one
// with each request, and returns how long the requests took.
func (c *caller) sendAll(ctx context.Context, from, to int) (latencies, error) {
	took := make(latencies, to-from)
	err := together(c.clients, from, to, func(i int) error {
		began := time.Now()
		err := c.send(ctx, i)
		took[i-from] = time.Since(began)
		return err
	})
	return took, err
}

func (c *caller) send(ctx context.Context, i int) error {
	body := fmt.Appendf(nil, `{"event": "user.created", "contact_id": "%s", "payload": {"plan": "%s", "name": "%s"}}`, idOf(i), plan, firstName(i))
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/events/send", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+apiKey)
	r.Header.Set("Content-Type", "application/json")
	got, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err == nil && got.StatusCode != http.StatusAccepted {
		err = fmt.Errorf("POST /events/send: %s: %s", got.Status, text)
	}
	return err
}
