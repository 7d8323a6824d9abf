package record_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

func TestPageOf(t *testing.T) {
	t.Parallel()
	p := record.PageOf([]int{9, 8, 7}, automation.PageQuery{Limit: 2})
	assert.Equal(t, automation.Page[int]{Data: []int{9, 8}, HasMore: true}, p)
	p = record.PageOf([]int{7, 8, 9}, automation.PageQuery{Limit: 2, Before: "6"})
	assert.Equal(t, automation.Page[int]{Data: []int{8, 7}, HasMore: true}, p)
	p = record.PageOf([]int{9, 8}, automation.PageQuery{Limit: 2, After: "10"})
	assert.Equal(t, automation.Page[int]{Data: []int{9, 8}}, p)
}
