package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/internal/pgtest"
)

// TestMain makes the test binary a cell or a node, like the program.
func TestMain(m *testing.M) {
	if os.Getenv(role) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// tiny is how many runs each work has in the tests. With the flag -scale the smallest works
// of the program are as small.
const tiny = 8

// TestContestants_DoTheirWork runs every work with every contestant. The works themselves
// check the outcome.
func TestContestants_DoTheirWork(t *testing.T) {
	t.Parallel()
	for _, c := range contestants() {
		t.Run(c.Engine+" on "+c.Store, func(t *testing.T) {
			if !strings.HasPrefix(c.Store, onStream) { // a cluster needs the machine to elect its leaders
				t.Parallel()
			}
			for _, w := range works {
				work := w.name
				if c.Sizes[work] == nil && (w.model || w.do == nil) {
					continue // such a work is for the model, not to compare, and w6 needs no engine
				}
				if c.Sizes[work] == nil {
					require.NotEmpty(t, c.Lacks[work], "why is there no %s?", work)
					continue
				}
				results, err := tinyCell(t, c, work).run(t.Context())
				require.NoError(t, err, work)
				require.NotEmpty(t, results, work)
			}
		})
	}
}

// tinyCell returns a contestant's work with a few runs.
func tinyCell(t *testing.T, c contestant, work string) cell {
	cl := cell{
		Works: []string{work}, Engine: c.Engine, Store: c.Store, Nodes: 1,
		Sizes: map[string][]int{work: {tiny}}, Folder: t.TempDir(), Timeout: defaultTimeout,
	}
	if cl.needsPostgres() {
		cl.Postgres = pgtest.URL(t)
	}
	return cl
}

func TestNodes_ShareTheWork(t *testing.T) {
	t.Parallel()
	c, err := find("automation", onPostgres)
	require.NoError(t, err)
	cl := tinyCell(t, c, "w1")
	cl.Nodes, cl.Sizes["w1"] = 2, []int{200}

	results, err := cl.run(t.Context())

	require.NoError(t, err)
	require.Len(t, results, 1)
	require.Equal(t, labels{"nodes", "2"}, results[0].Labels)
}

func TestCompare_WritesTablesAndFigures(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "figures.txt")
	o, err := parse([]string{"-work", "w2,w3,w5", "-engines", "automation,raw-batch", "-scale", "0.00001", "-rounds", "2", "-out", out})
	require.NoError(t, err)
	var tables bytes.Buffer

	require.NoError(t, compare(t.Context(), o, &tables, io.Discard))

	require.Contains(t, tables.String(), "### W2: runs that sleep for 30 days")
	require.Contains(t, tables.String(), "| automation | memory | 10 | 1 |", "a million is for the first round")
	require.Contains(t, tables.String(), "| raw-batch | sqlite | – | – | not measured: it is no engine: nothing waits |")
	require.NotContains(t, tables.String(), "failed")
	text, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Contains(t, string(text), "\npkg: github.com/seed-b636437c/automation/bench\n")
	require.Equal(t, 2, strings.Count(string(text), "BenchmarkW2/engine=automation/store=sqlite 4 "))
}

// A contestant that hangs or dies must not end the comparison.
func TestCompare_NotesFailures(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"-work", "w2", "-engines", "raw-batch", "-rounds", "1", "-timeout", "1ns"})
	require.NoError(t, err)
	var tables bytes.Buffer

	require.NoError(t, compare(t.Context(), o, &tables, io.Discard))

	require.Contains(t, tables.String(), "raw-batch on sqlite failed in round 1")
}

func TestReason_IsThePanicOrTheLastLine(t *testing.T) {
	t.Parallel()
	require.Equal(t, "panic: no", reason("a\npanic: no\n\ngoroutine 1\nmain.go:1\n"))
	require.Equal(t, "w1: no", reason("a\nw1: no\n"))
}

func TestParse_RefusesUnknownNames(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"-scale 0", "-rounds 0", "w1", "-work w99", "-rate -1", "-engines rivers", "-stores postgress"} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			_, err := parse(strings.Fields(args))
			require.Error(t, err)
		})
	}
}

func TestStores_LeaveOutTheOthers(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"-work", "w2,w6", "-stores", "memory", "-scale", "0.00001", "-rounds", "1"})
	require.NoError(t, err)
	var tables bytes.Buffer

	require.NoError(t, compare(t.Context(), o, &tables, io.Discard))

	require.Contains(t, tables.String(), "\n| automation | memory | 4 | 1 |")
	require.Contains(t, tables.String(), "\n| go-workflows | memory | 4 | 1 |")
	for _, other := range allStores() {
		if other != onMemory {
			require.NotContains(t, tables.String(), "| "+other+" |")
			require.NotContains(t, tables.String(), " on "+other+":")
		}
	}
}

func TestStores_AreThoseOfTheTables(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"-stores", onNone + "," + onPostgres, "-engines", "automation"})
	require.NoError(t, err)
	require.True(t, o.wants(contestant{Engine: "automation", Store: onPostgres}))
	require.False(t, o.wants(contestant{Engine: "automation", Store: onSQLite}))
	require.False(t, o.wants(contestant{Engine: "river", Store: onPostgres}))
	require.Subset(t, allStores(), []string{onNone, onMemory, onSQLite, onPostgres, onStream, onCluster, onClusterPostgres})
}

func TestFind_NamesTheMissingContestant(t *testing.T) {
	t.Parallel()
	_, err := find("river", onMemory)
	require.ErrorContains(t, err, "no engine river on memory")
	require.ErrorContains(t, beNode(t.Context(), cell{Engine: "none"}, strings.NewReader(""), io.Discard), "no engine none")
}

func TestRules_AreTheSameForAll(t *testing.T) {
	t.Parallel()
	for _, ready := range []func() (func() (bool, error), error){ourCondition, bareRun, exprCondition, celCondition} {
		holds, err := ready()
		require.NoError(t, err)
		ok, err := holds()
		require.NoError(t, err)
		require.True(t, ok)
	}
}

func TestSink_ReportsMissingAndDoubledEmails(t *testing.T) {
	t.Parallel()
	s := newSink()
	s.deliver(1)
	s.deliver(2)
	s.deliver(2)

	require.NoError(t, s.once(1))
	require.ErrorContains(t, s.once(1, 2), "contact 2 has got 2 emails")
	require.ErrorContains(t, s.once(3), "contact 3 has got 0 emails")
	require.NoError(t, s.wait(t.Context(), 3))
	ended, end := context.WithCancel(t.Context())
	end()
	require.ErrorContains(t, s.wait(ended, 4), "3 of 4 emails")
}

func TestUntil_ReportsTheLastNumber(t *testing.T) {
	t.Parallel()
	ended, end := context.WithCancel(t.Context())
	end()
	err := until(ended, 5, func(context.Context) (int, error) { return 3, nil })
	require.ErrorContains(t, err, "3 instead of 5")
	broken := fmt.Errorf("broken")
	require.ErrorIs(t, until(t.Context(), 5, func(context.Context) (int, error) { return 0, broken }), broken)
}

func TestTable_ShowsMediansAndSpread(t *testing.T) {
	t.Parallel()
	var tb table
	for _, f := range []float64{1_200, 900, 1_100_000} {
		tb.add(result{Work: "W1", Engine: "x", Store: "sqlite", Labels: labels{"nodes", "2"}, N: 10_000, Values: []value{{f, "runs/s"}}})
	}
	tb.add(result{Work: "W1", Engine: "y", Store: "sqlite", N: 5, Values: []value{{0.25, "p50-ms"}}})
	tb.add(result{Work: "W1", Engine: "x", Store: "sqlite", N: 5, Values: []value{{10, "runs/s"}}})
	var b strings.Builder

	tb.write(&b)

	require.Equal(t, `
### W1: complete runs: condition, contact update, email

| engine | store | runs | rounds | runs/s | p50-ms |
| --- | --- | --- | --- | --- | --- |
| x | sqlite | 10,000, 2 nodes | 3 | **1,200** (900–1,100,000) | – |
| x | sqlite | 5 | 1 | 10.0 | – |
| y | sqlite | 5 | 1 | – | 0.250 |
`, b.String())
}

func TestResult_IsALineForBenchstat(t *testing.T) {
	t.Parallel()
	r := result{Work: "W3", Engine: "automation", Store: "sqlite", Labels: labels{"waiting", "1000"}, N: 200, Values: []value{{1.5, "p50-ms"}, {7, "woken/s"}}}
	require.Equal(t, "BenchmarkW3/engine=automation/store=sqlite/waiting=1000 200 1.5 p50-ms 7 woken/s", r.line())
}
