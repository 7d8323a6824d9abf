package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestByHand_StartsTheRunOfTheBody(t *testing.T) {
	t.Parallel()
	s := newSink()
	e := &faulty{sink: s, flow: (*faulty).do}
	e.names = make([]string, 8)
	url, stop, err := serveHTTP(byHand{e})
	require.NoError(t, err)
	c := newCaller(url, 2)
	defer c.close()

	took, err := c.sendAll(t.Context(), 3, 6)

	require.NoError(t, err)
	require.Len(t, took, 3)
	require.NoError(t, s.once(3, 4, 5))
	require.NoError(t, stop())
}

func TestByHand_RefusesWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "{}", `{"contact_id": "no number"}`} {
		w := httptest.NewRecorder()
		byHand{}.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/events/send", strings.NewReader(body)))
		require.Equal(t, http.StatusBadRequest, w.Code)
	}
}

func TestCaller_ReportsAnError(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	c := newCaller(server.URL, 1)
	defer c.close()

	_, err := c.sendAll(t.Context(), 0, 1)

	require.ErrorContains(t, err, "404")
}
