package postgres

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
)

func TestWaves_NoContactTwiceAndInOrder(t *testing.T) {
	t.Parallel()
	var ts []automation.Transition
	for _, id := range []string{"a", "b", "a", "c", "a", "b"} {
		ts = append(ts, automation.Transition{Key: automation.ContactRef{ID: id}})
	}
	for _, email := range []string{"a", "A"} {
		ts = append(ts, automation.Transition{Key: automation.ContactRef{Email: email}})
	}
	assert.Equal(t, [][]int{{0, 1, 3, 6}, {2, 5, 7}, {4}}, waves(ts))
	assert.Empty(t, waves(nil))
}
