package embedded_test

import (
	"bytes"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/jetstream/embedded"
)

// Each address of a server that another process has is named, at once.
func TestStart_NamesTheAddressThatIsInUse(t *testing.T) {
	t.Parallel()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = other.Close() })
	taken := other.Addr().String()
	for name, opts := range map[string]embedded.Options{
		"of clients":           {Listen: taken},
		"of the other servers": {Name: "node", Cluster: embedded.Cluster{Name: "test", Listen: taken, Routes: []string{"nats://" + taken}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts.Dir, opts.ReadyTimeout = t.TempDir(), time.Hour
			_, err := embedded.Start(opts)
			require.ErrorContains(t, err, "address already in use")
			_, port, splitErr := net.SplitHostPort(taken)
			require.NoError(t, splitErr)
			assert.ErrorContains(t, err, port)
		})
	}
}

func TestStart_LogsWhatTheServerDoes(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s, err := embedded.Start(embedded.Options{Dir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	s.Close()
	assert.Contains(t, log.String(), "Server is ready")
}
