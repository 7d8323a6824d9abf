package dashboard_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
)

func TestPick_OffersWhatExists(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{Templates: newLibrary(t)})
	_, err := s.Runner.CreateEventDefinition(t.Context(), automation.EventDefinition{Name: "signup", Schema: []byte(`{"plan": "string"}`)})
	require.NoError(t, err)
	segment, err := s.Runner.CreateSegment(t.Context(), automation.Segment{Name: "VIP"})
	require.NoError(t, err)
	var offers map[string][]string
	require.NoError(t, json.Unmarshal(s.get("/pick").Body.Bytes(), &offers))
	assert.Equal(t, []string{"signup"}, offers["events"])
	assert.Equal(t, []string{segment.ID}, offers["segments"])
	assert.Equal(t, []string{"team/hello"}, offers["templates"])
	assert.Contains(t, offers["paths"], "event.plan")
	assert.Contains(t, offers["paths"], "contact.email")
}
