package httpapi_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/httpapi"
	"github.com/seed-b636437c/automation/mail/capture"
)

// serve starts a server for the API of a new Runner on store.
func serve(tb testing.TB, store automation.Store) (*httptest.Server, *automation.Runner) {
	tb.Helper()
	runner, err := automation.New(store, capture.New(), automation.Options{})
	require.NoError(tb, err)
	api, err := httpapi.New(runner, httpapi.Options{Keys: []httpapi.Key{{Name: "backend", Hash: httpapi.HashKey(fullKey)}}})
	require.NoError(tb, err)
	server := httptest.NewServer(api)
	tb.Cleanup(server.Close)
	return server, runner
}

// client keeps as many connections as there are workers.
func client(tb testing.TB, workers int) *http.Client {
	tb.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: workers, DialContext: (&net.Dialer{}).DialContext}
	tb.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// post sends a request with the full key and returns the status.
func post(c *http.Client, url string, body []byte) (int, error) {
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+fullKey)
	got, err := c.Do(r)
	if err != nil {
		return 0, err
	}
	defer got.Body.Close()
	_, err = io.Copy(io.Discard, got.Body)
	return got.StatusCode, err
}

const bare = `{"name": "Bare", "status": "enabled", "steps": [{"key": "start", "type": "trigger", "config": {"event_name": "user.created"}}], "connections": []}`

func TestSendEvent_LosesNoneOfAThousandClients(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"memory", "sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const clients = 1_000
			server, runner := serve(t, stores[name](t))
			c := client(t, clients)
			status, err := post(c, server.URL+"/automations", []byte(bare))
			require.NoError(t, err)
			require.Equal(t, http.StatusCreated, status)

			var accepted atomic.Int64
			var wg sync.WaitGroup
			for i := range clients {
				wg.Go(func() {
					status, err := post(c, server.URL+"/events/send", fmt.Appendf(nil, `{"event": "user.created", "email": "user%d@example.com"}`, i))
					if assert.NoError(t, err) && assert.Equal(t, http.StatusAccepted, status) {
						accepted.Add(1)
					}
				})
			}
			wg.Wait()
			_, err = runner.Drain(t.Context())
			require.NoError(t, err)
			assert.EqualValues(t, clients, accepted.Load())
			assert.Equal(t, clients, countRuns(t, runner))
		})
	}
}

// countRuns counts all runs, each of which must have an event of its own.
func countRuns(t *testing.T, runner *automation.Runner) int {
	t.Helper()
	seen := map[string]bool{}
	for run, err := range automation.Each(t.Context(), runner.ListRuns, automation.RunQuery{}) {
		require.NoError(t, err)
		assert.False(t, seen[run.EventID])
		seen[run.EventID] = true
		assert.Equal(t, automation.RunCompleted, run.Status)
	}
	return len(seen)
}

// BenchmarkSendEvent measures POST /events/send through a server on loopback,
// by 64 clients that keep their connections.
func BenchmarkSendEvent(b *testing.B) {
	for name, open := range stores {
		b.Run(name, func(b *testing.B) { benchmarkSend(b, open(b)) })
	}
}

func benchmarkSend(b *testing.B, store automation.Store) {
	const clients = 64
	server, _ := serve(b, store)
	c := client(b, clients)
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range clients {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				body := fmt.Appendf(nil, `{"event": "user.created", "email": "user%d@example.com", "payload": {"plan": "pro", "number": %d}}`, i%10_000, i)
				status, err := post(c, server.URL+"/events/send", body)
				if err != nil || status != http.StatusAccepted {
					b.Errorf("status %d: %v", status, err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}
