package observe_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/observe"
)

// docs/observing.md lists every metric.
func TestDocs_ListEveryMetric(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/observing.md")
	require.NoError(t, err)
	for _, m := range observe.All() {
		assert.Contains(t, string(page), "`"+m.PrometheusName()+"`")
	}
}
