package storebench

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// Sleeping measures what a waiting run takes on disk, with the event that has started
// it and all indexes. size returns how many bytes the store has there.
func Sleeping(b *testing.B, store automation.Store, size func() int64) {
	r, err := automation.New(store, make(postbox), automation.Options{Contacts: everyone{}})
	require.NoError(b, err)
	_, err = r.Apply(b.Context(), waiting)
	require.NoError(b, err)
	before := size()
	fill(b, r, 0, b.N)
	b.ReportMetric(float64(size()-before)/float64(b.N), "bytes/run")
	b.ReportMetric(0, "ns/op") // Waiting tells how fast they are made
}
