package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// head writes the configuration lines that benchstat reads before the figures.
func head(w io.Writer) {
	fmt.Fprintf(w, "goos: %s\ngoarch: %s\ncpu: %s\npkg: github.com/seed-b636437c/automation/bench\ngo: %s\ncores: %d\nversions: %s\ndate: %s\ncommit: %s\n",
		runtime.GOOS, runtime.GOARCH, cpu(), runtime.Version(), runtime.NumCPU(), strings.Join(versions(), ", "), time.Now().UTC().Format(time.RFC3339), commit())
}

// commit returns the revision of the source, and whether the source differs from it.
func commit() string {
	text, err := exec.Command("git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}

// measured are the modules whose versions influence the figures.
var measured = []string{
	"github.com/riverqueue/river", "github.com/dbos-inc/dbos-transact-golang", "github.com/cschleiden/go-workflows",
	"github.com/expr-lang/expr", "cel.dev/cel-go", "github.com/nats-io/nats-server/v2", "github.com/jackc/pgx/v5", "github.com/ncruces/go-sqlite3", "modernc.org/sqlite",
}

// versions returns the names and versions of the measured modules in this program.
func versions() []string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	var found []string
	for _, dep := range info.Deps {
		if slices.Contains(measured, dep.Path) {
			found = append(found, dep.Path+" "+dep.Version)
		}
	}
	return found
}

// serverVersion returns the version of a Postgres server, or "unknown".
func serverVersion(url string) (version string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return "unknown"
	}
	defer conn.Close(ctx)
	if err := conn.QueryRow(ctx, "SHOW server_version").Scan(&version); err != nil {
		return "unknown"
	}
	return version
}

// cpu returns the model of the processor on Linux.
func cpu() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for _, line := range strings.Split(string(text), "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
