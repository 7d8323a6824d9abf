package pgtest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMajorVersion(t *testing.T) {
	t.Parallel()
	tests := map[string]int{
		"/usr/lib/postgresql/9.6/bin":                      9,
		"/usr/lib/postgresql/17/bin":                       17,
		"/opt/homebrew/opt/postgresql@16/bin":              16,
		"/usr/local/pgsql/bin":                             0,
		"/Applications/Postgres.app/Contents/Versions/18/": 18,
	}
	for path, want := range tests {
		require.Equal(t, want, majorVersion(path), path)
	}
}
