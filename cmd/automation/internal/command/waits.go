package command

import (
	"context"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/awaited"
)

// version returns the version of a run, which it reads once. It is empty if it cannot be read:
// the output then lacks what only the version has.
func (s *session) version(ctx context.Context, run automation.Run) automation.AutomationVersion {
	ref := automation.VersionRef{AutomationID: run.AutomationID, Version: run.Version}
	v, ok := s.versions[ref]
	if !ok {
		v, _ = s.GetAutomationVersion(ctx, ref.AutomationID, ref.Version)
		s.versions[ref] = v
	}
	return v
}

// waits returns which events a running run waits for, in words, or "". What else it listens to
// ends it, and is not what it waits for.
func (s *session) waits(ctx context.Context, run automation.Run) string {
	if run.Status != automation.RunRunning || len(run.Listens) == 0 {
		return ""
	}
	config, ok := configs(s.version(ctx, run).Steps)[run.Step]
	if !ok {
		return "listens to " + strings.Join(run.Listens, " or ")
	}
	if names := awaited.ByStep(config); len(names) > 0 {
		return "waits for " + strings.Join(names, " or ")
	}
	return ""
}

// exitsOf returns the names of the events that end a running run, in words, or "".
func exitsOf(run automation.Run, v automation.AutomationVersion) string {
	if run.Status != automation.RunRunning || v.Exit == nil {
		return ""
	}
	return strings.Join(awaited.Names(v.Exit.Events), " or ")
}
