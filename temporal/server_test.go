package temporal_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/seed-b636437c/automation/internal/freeport"
)

// serverVariable names the command line tool of Temporal, whose development server the tests
// start. `make temporal` sets it.
const serverVariable = "TEMPORAL"

// server is a development server in a process of its own.
type server struct {
	address string
	cmd     *exec.Cmd
}

// startServer starts a development server, whose database is in memory unless args name a file.
func startServer(tb testing.TB, args ...string) *server {
	tb.Helper()
	tool := os.Getenv(serverVariable)
	if tool == "" {
		tb.Skip("needs a server: run `make temporal`")
	}
	address, err := freeport.Address()
	require.NoError(tb, err)
	s := &server{address: address}
	host, port, err := net.SplitHostPort(s.address)
	require.NoError(tb, err)
	s.cmd = exec.Command(tool, append([]string{
		"server", "start-dev", "--headless", "--ip", host, "--port", port, "--log-level", "error",
		"--dynamic-config-value", "history.transferProcessorMaxPollRPS=2000",
		"--dynamic-config-value", "history.timerProcessorMaxPollRPS=2000",
		"--dynamic-config-value", "system.enableActivityEagerExecution=true",
	}, args...)...)
	output, err := s.cmd.StderrPipe()
	require.NoError(tb, err)
	require.NoError(tb, s.cmd.Start())
	go func() {
		for lines := bufio.NewScanner(output); lines.Scan(); {
			if text := lines.Text(); strings.Contains(text, "panic") || strings.Contains(text, "fatal") {
				fmt.Fprintln(os.Stderr, "temporal server:", text)
			}
		}
	}()
	tb.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	})
	require.Eventually(tb, func() bool {
		c, err := client.Dial(client.Options{HostPort: s.address, Logger: quiet})
		if err != nil {
			return false
		}
		defer c.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err = c.DescribeTaskQueue(ctx, "ready", 1)
		return err == nil
	}, time.Minute, 50*time.Millisecond)
	return s
}

// connect returns a client of the server.
func (s *server) connect(tb testing.TB) client.Client {
	tb.Helper()
	c, err := client.Dial(client.Options{HostPort: s.address, Logger: quiet})
	require.NoError(tb, err)
	tb.Cleanup(c.Close)
	return c
}

// quiet is the logger of clients.
var quiet = slog.New(slog.DiscardHandler)
