package e2e

import (
	"net/http"
	"testing"

	"github.com/resend/resend-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/httpapi"
)

// The client resolves paths against its base URL as a browser does, so a base URL with a
// path needs a slash at its end.
func TestAddress_MayEndInSlashes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.create("Goodbye")
	api, err := httpapi.New(w.runner, httpapi.Options{Keys: []httpapi.Key{{Name: "e2e", Hash: httpapi.HashKey(apiKey)}}})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/mail/api/", http.StripPrefix("/mail/api", api))
	mounted := serve(t, mux)
	for _, base := range []string{w.url, w.url + "/", mounted + "/mail/api/"} {
		c := client(t, apiKey, base)
		got, err := c.Automations.Get(id)
		require.NoError(t, err, base)
		assert.Equal(t, "Goodbye", got.Name)
		updated, err := c.Automations.Update(id, &resend.UpdateAutomationRequest{Name: "Goodbye"})
		require.NoError(t, err, base)
		assert.Equal(t, id, updated.Id)
		_, err = c.Events.Send(&resend.SendEventRequest{Event: "a", Email: "ada@example.com"})
		assert.NoError(t, err, base)
	}
}

// Other clients concatenate the base URL and the path, which makes //automations.
func TestAddress_MayBeginWithTwoSlashes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.create("Goodbye")
	for _, path := range []string{"//automations/" + id, "/automations/" + id + "/", "//automations//" + id} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+path, nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+apiKey)
		var got resend.Automation
		_, err = w.Perform(r, &got)
		require.NoError(t, err, path)
		assert.Equal(t, id, got.Id)
	}
}
