package httpapi_test

import (
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/httpapi"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

func TestNew_ListsAllInvalidOptions(t *testing.T) {
	t.Parallel()
	hash := httpapi.HashKey("secret")
	tests := map[string]struct {
		opts httpapi.Options
		want []string
	}{
		"no keys":        {httpapi.Options{}, []string{"Keys"}},
		"keys in vain":   {httpapi.Options{AuthenticatedByHost: true, Keys: []httpapi.Key{{Name: "a", Hash: hash}}}, []string{"AuthenticatedByHost"}},
		"same secret":    {httpapi.Options{Keys: []httpapi.Key{{Name: "a", Hash: hash}, {Name: "b", Hash: hash}}}, []string{"Keys[1].Hash"}},
		"invalid keys":   {httpapi.Options{Keys: []httpapi.Key{{}, {Name: "b", Hash: "secret", Permission: "all"}}}, []string{"Keys[0].Name", "Keys[0].Hash", "Keys[1].Hash", "Keys[1].Permission"}},
		"negative":       {httpapi.Options{AuthenticatedByHost: true, MaxBody: -1, Timeout: -1, Rate: httpapi.Rate{PerSecond: -1, Burst: -1}}, []string{"MaxBody", "Timeout", "Rate.PerSecond", "Rate.Burst"}},
		"burst alone":    {httpapi.Options{AuthenticatedByHost: true, Rate: httpapi.Rate{Burst: 5}}, []string{"Rate.Burst"}},
		"not a number":   {httpapi.Options{AuthenticatedByHost: true, Rate: httpapi.Rate{PerSecond: math.NaN()}}, []string{"Rate.PerSecond"}},
		"without bounds": {httpapi.Options{AuthenticatedByHost: true, Rate: httpapi.Rate{PerSecond: math.Inf(1)}}, []string{"Rate.PerSecond"}},
	}
	runner, err := automation.New(memory.New(), capture.New(), automation.Options{})
	require.NoError(t, err)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := httpapi.New(runner, tt.opts)
			assert.Equal(t, tt.want, pathsOf(t, err))
			_, err = httpapi.New(nil, tt.opts)
			assert.Equal(t, append([]string{"runner"}, tt.want...), pathsOf(t, err))
		})
	}
}

func pathsOf(t *testing.T, err error) []string {
	t.Helper()
	var invalid *automation.ValidationError
	require.ErrorAs(t, err, &invalid)
	var paths []string
	for _, p := range invalid.Problems {
		assert.Equal(t, automation.CodeInvalidOption, p.Code)
		paths = append(paths, p.Path)
	}
	return paths
}

func TestKeys_DecideWhichCallsAreAllowed(t *testing.T) {
	t.Parallel()
	const send, list = "/events/send", "/automations"
	tests := map[string]struct {
		authorization, path string
		status              int
		name                string
	}{
		"no header":                {"", send, 401, "missing_api_key"},
		"other scheme":             {"Basic " + fullKey, send, 401, "missing_api_key"},
		"no scheme":                {fullKey, send, 401, "missing_api_key"},
		"no key":                   {"Bearer ", send, 401, "missing_api_key"},
		"wrong key":                {"Bearer re_wrong", send, 403, "invalid_api_key"},
		"hash as key":              {"Bearer " + httpapi.HashKey(fullKey), send, 403, "invalid_api_key"},
		"wrong key, unknown path":  {"Bearer re_wrong", "/nowhere", 403, "invalid_api_key"},
		"full, send":               {"Bearer " + fullKey, send, 202, ""},
		"full, create":             {"Bearer " + fullKey, list, 422, "missing_required_field"},
		"scheme in any case":       {"bearer  " + fullKey, send, 202, ""},
		"sending, send":            {"Bearer " + sendingKey, send, 202, ""},
		"sending, anything else":   {"Bearer " + sendingKey, list, 401, "restricted_api_key"},
		"sending, unknown path":    {"Bearer " + sendingKey, "/nowhere", 404, "not_found"},
		"sending, defining events": {"Bearer " + sendingKey, "/events", 401, "restricted_api_key"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := `{"event": "x", "email": "ada@example.com"}`
			if tt.path == list {
				body = `{}`
			}
			got := setup(t).call("POST", tt.path, body, "Authorization", tt.authorization)
			require.Equal(t, tt.status, got.status, got.body)
			if tt.name != "" {
				assert.Equal(t, tt.name, got.failure(t).Name)
			}
			assert.Equal(t, tt.status == http.StatusUnauthorized, got.header.Get("WWW-Authenticate") == "Bearer")
		})
	}
}

func TestAuthenticatedByHost_NeedsNoKey(t *testing.T) {
	t.Parallel()
	a := setup(t, func(o *httpapi.Options) { o.Keys, o.AuthenticatedByHost = nil, true })
	a.must(http.StatusOK, "GET", "/automations", "", "Authorization", "")
}

func TestRate_LimitsEachKey(t *testing.T) {
	t.Parallel()
	a := setup(t, func(o *httpapi.Options) { o.Rate = httpapi.Rate{PerSecond: 0.5, Burst: 2} })
	limits := func(got answer) []string {
		var values []string
		for _, name := range []string{"ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after"} {
			values = append(values, got.header.Get(name))
		}
		return values
	}
	assert.Equal(t, []string{"2", "1", "2", ""}, limits(a.must(http.StatusOK, "GET", "/events", "")))
	assert.Equal(t, []string{"2", "0", "4", ""}, limits(a.must(http.StatusNotFound, "GET", "/nowhere", "")))
	refused := a.must(http.StatusTooManyRequests, "GET", "/events", "")
	assert.Equal(t, []string{"2", "0", "4", "2"}, limits(refused))
	assert.Equal(t, failure{429, "rate_limit_exceeded", "too many requests: try again in 2 s"}, refused.failure(t))

	a.must(http.StatusAccepted, "POST", "/events/send", `{"event": "x", "email": "a@example.com"}`, "Authorization", "Bearer "+sendingKey)
	a.clock.Add(2 * time.Second)
	a.must(http.StatusOK, "GET", "/events", "")
	a.must(http.StatusTooManyRequests, "GET", "/events", "")
}

func TestRate_DefaultBurstIsOneSecondsWorth(t *testing.T) {
	t.Parallel()
	a := setup(t, func(o *httpapi.Options) { o.Rate.PerSecond = 2.5 })
	got := a.must(http.StatusOK, "GET", "/events", "")
	assert.Equal(t, "3", got.header.Get("RateLimit-Limit"))
}

func TestPaths_AreCleanedInsteadOfRedirected(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"", "/api/v1"} {
		a := setup(t)
		a.Handler = http.StripPrefix(prefix, a.Handler)
		a.must(http.StatusCreated, "POST", prefix+"//events", `{"name": "a/b c%"}`)
		a.must(http.StatusCreated, "POST", prefix+"/events/", `{"name": "user.created"}`)
		a.must(http.StatusCreated, "POST", prefix+"/./events//", `{"name": ".."}`)
		a.must(http.StatusOK, "GET", prefix+"//events///a%2Fb%20c%25/", "")
		a.must(http.StatusOK, "GET", prefix+"/events/user%2Ecreated", "")
		a.must(http.StatusOK, "GET", prefix+"/events/%2E%2E", "")
		a.must(http.StatusNotFound, "GET", prefix+"/events/a/b%20c%25", "")
		a.must(http.StatusOK, "GET", prefix+"/automations/../events", "")
	}
}

func TestHead_IsAnsweredLikeGet(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(setup(t))
	defer server.Close()
	for path, status := range map[string]int{"/automations": 200, "/automations/x": 404, "/events/send": 405} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, server.URL+path, nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+fullKey)
		got, err := server.Client().Do(r)
		require.NoError(t, err)
		require.NoError(t, got.Body.Close())
		assert.Equal(t, status, got.StatusCode)
		assert.Positive(t, got.ContentLength)
	}
}

func TestContentType_IsNotRequired(t *testing.T) {
	t.Parallel()
	a := setup(t)
	for _, kind := range []string{"", "application/json", "application/json; charset=utf-8", "text/plain"} {
		a.must(http.StatusAccepted, "POST", "/events/send", `{"event": "x", "email": "a@example.com"}`, "Content-Type", kind)
	}
	a.must(http.StatusOK, "GET", "/automations", "not JSON", "Content-Type", "application/json")
}

func TestMaxBody_CanBeSet(t *testing.T) {
	t.Parallel()
	a := setup(t, func(o *httpapi.Options) { o.MaxBody = 15 })
	a.must(http.StatusCreated, "POST", "/events", `{"name":"abcd"}`)
	a.must(http.StatusRequestEntityTooLarge, "POST", "/events", `{"name":"abcde"}`)
	a.must(http.StatusRequestEntityTooLarge, "POST", "/automations/x/stop", `{"cancel_runs": true}`)
}
