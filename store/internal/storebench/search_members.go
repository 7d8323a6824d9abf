package storebench

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// SearchMembers lists the members of segments whose emails begin as those of all contacts
// do. The segments are named by how many members they have. One iteration is one list.
func SearchMembers(b *testing.B, s automation.ContactStore) {
	for segment, want := range map[string]int{"0": 0, "10": 10, "2000": 20, "6000": 20} {
		b.Run("members="+segment, func(b *testing.B) {
			q := automation.ContactQuery{Segment: segment, EmailPrefix: "person", PageQuery: automation.PageQuery{Limit: 20}}
			for b.Loop() {
				page, err := s.ListContacts(b.Context(), q)
				require.NoError(b, err)
				require.Len(b, page.Data, want)
			}
		})
	}
}
