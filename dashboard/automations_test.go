package dashboard_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestAutomations_ListsThemWithTheirTriggers(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Create(world.Flow("<b>welcome</b>", "user.signup", world.Email("hello")))
	answer := s.get("/")
	assert.Equal(t, http.StatusOK, answer.Code)
	assert.Contains(t, answer.Body.String(), "&lt;b&gt;welcome&lt;/b&gt;")
	assert.Contains(t, answer.Body.String(), "user.signup")
}

func TestAutomations_NamesAFilterThatMeansNothing(t *testing.T) {
	t.Parallel()
	answer := newSite(t, dashboard.Options{}).get("/?status=sleepy")
	assert.Equal(t, http.StatusBadRequest, answer.Code)
	assert.Contains(t, answer.Body.String(), "A status is enabled or disabled")
}
