package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// role is the environment variable that makes this program a child of itself: a cell, a
// further node of a cell, or a server.
const role = "AUTOMATION_BENCH_ROLE"

// child returns this program in a role, such as that of a node, on a cell or with options.
func child(as string, on any) (*exec.Cmd, error) {
	text, err := json.Marshal(on)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), role+"="+as+string(text))
	cmd.Stderr = os.Stderr
	return cmd, nil
}

// grace is the time after a child's own time-out until the child is killed. In that time the
// child reports why it failed.
const grace = 15 * time.Second

// runChild returns the results of a child, also if the child failed in the end.
func runChild(ctx context.Context, cl cell) (results []result, err error) {
	cmd, err := child("cell", cl)
	if err != nil {
		return nil, err
	}
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })() // fails if the child has just ended
	err = cmd.Wait()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("it was stopped: %w", ctx.Err())
	}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = errors.New(reason(complaint.String()))
	}
	if out.Len() > 0 {
		err = errors.Join(err, json.Unmarshal(out.Bytes(), &results))
	}
	return results, err
}

// reason returns why a child failed: the first line of a panic, or else the last line of its
// output.
func reason(complaint string) string {
	lines := strings.Split(strings.TrimSpace(complaint), "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "panic: ") {
			return line
		}
	}
	return lines[len(lines)-1]
}
