package freeport_test

import (
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/internal/freeport"
)

func TestAddress_IsFreeAndNeverGivenAgain(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		address, err := freeport.Address()
		require.NoError(t, err)
		assert.False(t, seen[address], address)
		seen[address] = true

		l, err := net.Listen("tcp", address)
		require.NoError(t, err)
		_, text, err := net.SplitHostPort(address)
		require.NoError(t, err)
		port, err := strconv.Atoi(text)
		require.NoError(t, err)
		assert.Less(t, port, 32768, "Linux gives ports from there on to outgoing connections")
		require.NoError(t, l.Close())
	}
}
