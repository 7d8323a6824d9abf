package dashboard_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestNew_ReportsAllInvalidOptions(t *testing.T) {
	t.Parallel()
	_, err := dashboard.New(nil, dashboard.Options{
		Timeout: -1, FrameAncestors: []string{"acme"}, Links: []dashboard.Link{{Text: "Home"}},
	})
	var invalid *automation.ValidationError
	require.ErrorAs(t, err, &invalid)
	paths := []string{}
	for _, p := range invalid.Problems {
		paths = append(paths, p.Path)
	}
	assert.Equal(t, []string{"runner", "Access", "Timeout", "FrameAncestors", "Links"}, paths)
}

func TestHandler_SetsSafetyHeadersOnEveryAnswer(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{FrameAncestors: []string{"https://admin.acme.example"}})
	for _, path := range []string{"/", "/nothing", "/assets/x/app.css", "/a/none"} {
		header := s.get(path).Header()
		policy := header.Get("Content-Security-Policy")
		assert.Contains(t, policy, "default-src 'none'; script-src 'self'", path)
		assert.Contains(t, policy, "frame-ancestors https://admin.acme.example; require-trusted-types-for 'script'", path)
		assert.Equal(t, "nosniff", header.Get("X-Content-Type-Options"), path)
		assert.Equal(t, "same-origin", header.Get("Referrer-Policy"), path)
	}
}

func TestHandler_RefusesFormsOfOtherSites(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{TrustedOrigins: []string{"https://admin.acme.example"}})
	send := func(origin string) int {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Origin", origin)
		answer := httptest.NewRecorder()
		s.handler.ServeHTTP(answer, r)
		return answer.Code
	}
	assert.Equal(t, http.StatusForbidden, send("https://evil.example"))
	assert.NotEqual(t, http.StatusForbidden, send("https://admin.acme.example"))
}

func TestHandler_ShowsNothingWithoutAccess(t *testing.T) {
	t.Parallel()
	for name, access := range map[string]func(*http.Request) dashboard.Access{
		"none":           func(*http.Request) dashboard.Access { return dashboard.AccessNone },
		"a panic":        func(*http.Request) dashboard.Access { panic("the session store is down") },
		"unknown levels": func(*http.Request) dashboard.Access { return 99 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, dashboard.Options{Access: access})
			s.Create(world.Flow("welcome", "signup"))
			answer := s.get("/")
			assert.Equal(t, http.StatusForbidden, answer.Code)
			assert.NotContains(t, answer.Body.String(), "welcome")
		})
	}
}

func TestHandler_AnswersUnknownPathsWithAPage(t *testing.T) {
	t.Parallel()
	answer := newSite(t, dashboard.Options{}).get("/no/such/<script>")
	assert.Equal(t, http.StatusNotFound, answer.Code)
	assert.Contains(t, answer.Body.String(), "There is no such page")
	assert.NotContains(t, answer.Body.String(), "<script>alert")
}
