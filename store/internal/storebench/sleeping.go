package storebench

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// Sleeping measures the size of a waiting run on disk, with the event that started it
// and all indexes. size returns how many bytes the store takes on disk.
func Sleeping(b *testing.B, store automation.Store, size func() int64) {
	r, err := automation.New(store, make(postbox), automation.Options{Contacts: anyContact{}})
	require.NoError(b, err)
	_, err = r.Apply(b.Context(), waiting)
	require.NoError(b, err)
	before := size()
	startWaiting(b, r, 0, b.N)
	b.ReportMetric(float64(size()-before)/float64(b.N), "bytes/run")
	b.ReportMetric(0, "ns/op") // Waiting measures how fast runs are started
}
