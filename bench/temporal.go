package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/freeport"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/temporal"
)

// temporalTool is the variable that names Temporal's command line tool, whose development server is
// measured. Without it there is no row of Temporal.
const temporalTool = "TEMPORAL"

// temporalContestants are this library on its engine on Temporal: a development server in a process
// of its own, with its database in memory, and a worker in the process that sends the events.
func temporalContestants() []contestant {
	if os.Getenv(temporalTool) == "" {
		return nil
	}
	const ownClock = "its timers run by the clock of its server, and the work starts runs by another clock"
	return []contestant{{
		Engine: "automation", Store: "temporal", Settings: "development server in memory, with eager activities; a catalog in memory",
		Open: openOnTemporal, Sizes: map[string][]int{"w1": {600}, "w8": {300}, "w9": {300}, "w10": {600}}, Made: 20,
		Lacks: also(map[string]string{"w5": "its lists are those of its catalog", "w11": "its server keeps everything in memory"},
			ownClock, "w2", "w3", "w4", "w12", "w13"),
	}}
}

func openOnTemporal(ctx context.Context, s setting) (engine, error) {
	server, err := startTemporal()
	if err != nil {
		return nil, err
	}
	c, err := dialTemporal(ctx, server.address)
	if err != nil {
		return nil, errors.Join(err, server.end())
	}
	catalog := memory.New()
	release := func() error {
		c.Close()
		return server.end()
	}
	store, err := temporal.New(ctx, c, catalog, temporal.Options{Timeout: time.Minute})
	if err != nil {
		return nil, errors.Join(err, release())
	}
	return openHosted(ctx, engineHost{
		store: store, catalog: catalog, release: release,
		work: func(ctx context.Context, r *automation.Runner) error {
			return temporal.NewWorker(store, r, temporal.WorkerOptions{}).Run(ctx)
		},
		size:   func(context.Context) (int64, error) { return 0, nil },
		memory: func() (usage, error) { return usage{Resident: residentOf(fmt.Sprint(server.cmd.Process.Pid))}, nil },
	}, s)
}

// temporalServer is a development server.
type temporalServer struct {
	cmd     *exec.Cmd
	address string
}

func startTemporal() (*temporalServer, error) {
	address, err := freeport.Address()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	tool, err := filepath.Abs(os.Getenv(temporalTool))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(tool, "server", "start-dev", "--headless", "--ip", host, "--port", port, "--log-level", "error",
		"--dynamic-config-value", "history.transferProcessorMaxPollRPS=2000",
		"--dynamic-config-value", "history.timerProcessorMaxPollRPS=2000",
		"--dynamic-config-value", "system.enableActivityEagerExecution=true")
	return &temporalServer{cmd, address}, cmd.Start()
}

func (s *temporalServer) end() error {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	return nil
}

// dialTemporal connects to a server that has just been started.
func dialTemporal(ctx context.Context, address string) (client.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		c, err := client.Dial(client.Options{HostPort: address, Logger: silent})
		if err == nil {
			if _, err = c.DescribeTaskQueue(ctx, "ready", 1); err == nil {
				return c, nil
			}
			c.Close()
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return nil, fmt.Errorf("the development server does not answer: %w", err)
		}
	}
}
