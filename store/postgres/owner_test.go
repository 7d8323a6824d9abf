package postgres

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
)

func TestOwnerOf_IsTheInverseOfRefOf(t *testing.T) {
	t.Parallel()
	for _, ref := range []automation.ContactRef{
		{ID: "0195a3c0-7d00-7000-8000-00000000000a"},
		{ID: "ffffffff-ffff-ffff-ffff-ffffffffffff"},
		{ID: "00000000-0000-0000-0000-000000000000"},
		{ID: "0195A3C0-7D00-7000-8000-00000000000A"}, // another id
		{ID: "a"}, {ID: "=a"}, {ID: "@a"},
		{ID: "fifteen letters"}, {ID: "=fifteen letter"}, {ID: "sixteen letters!"}, {ID: "+fifteen letters"}, {ID: "+=sixteen letters"}, {ID: "...............é"},
		{Email: "ada@example.com"}, {Email: "adah@example.co"}, {Email: "adam@example.com"}, {Email: "@"},
	} {
		assert.Equal(t, ref, refOf(ownerOf(ref)))
	}
	assert.Equal(t, automation.ContactRef{Email: "ada@example.com"}, refOf(ownerOf(automation.ContactRef{Email: "Ada@Example.com"})))
}

func TestOwnerOf_SortsLikeTheIDs(t *testing.T) {
	t.Parallel()
	var owners []ownerKey
	for _, id := range []string{
		"0195a3c0-7d00-7000-8000-00000000000a", "0195a3c0-7d00-7000-8000-00000000000b", "0195a3c0-7d00-7000-8000-0000000000a0",
		"0195a3c0-7d00-7fff-8000-000000000000", "1195a3c0-7d00-7000-8000-000000000000", "f195a3c0-7d00-7000-8000-000000000000",
	} {
		owners = append(owners, ownerOf(automation.ContactRef{ID: id}))
	}
	assert.True(t, slices.IsSorted(owners), owners)
}
