package families_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/internal/families"
)

func check(t *testing.T, order ...families.Family) []string {
	t.Helper()
	uses, err := families.Check("testdata/house", order, nil)
	require.NoError(t, err)
	found := []string{}
	for _, u := range uses {
		found = append(found, u.String())
	}
	return found
}

func TestCheck_ReportsEachUseOfALaterFamily(t *testing.T) {
	t.Parallel()
	below := families.Family{Name: "below", Patterns: []string{"cellar", "garden"}}
	above := families.Family{Name: "above", Patterns: []string{"roof*"}}
	assert.Equal(t, []string{
		`cellar.go:4: a file of "below" uses Tile of roof_tiles.go, which belongs to "above", a family after its own: move one of them`,
		`cellar.go:4: a file of "below" uses height of roof_tiles.go, which belongs to "above", a family after its own: move one of them`,
	}, check(t, below, above))
	assert.Equal(t, []string{
		`roof_tiles.go:6: a file of "above" uses roof of cellar.go, which belongs to "below", a family after its own: move one of them`,
		`roof_tiles.go:9: a file of "above" uses roof of cellar.go, which belongs to "below", a family after its own: move one of them`,
	}, check(t, above, below))
}

func TestCheck_ReportsAFileWithoutAFamily(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{
		`garden.go: the file is in no family: name it after one, or add it to a family in internal/families`,
	}, check(t, families.Family{Name: "house", Patterns: []string{"cellar", "roof_tiles"}}))
}
