package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const measured = "../model/measured.txt"

// kept returns the kept figures of rates, if there are any.
func kept(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("../model/cores-*.txt")
	require.NoError(t, err)
	return paths
}

// The page and the picture are those of the figures that are kept.
func TestPage_HasWhatTheModelComputes(t *testing.T) {
	t.Parallel()
	m, err := measure(measured, kept(t))
	require.NoError(t, err)
	require.NotEmpty(t, m.stores)
	page, err := os.ReadFile("../../docs/scaling.md")
	require.NoError(t, err)
	want, err := m.page(string(page))
	require.NoError(t, err)
	require.Equal(t, want, string(page), "run make capacity-page")
	var svg bytes.Buffer
	require.NoError(t, m.drawing().Draw(&svg))
	drawn, err := os.ReadFile("../../docs/scaling.svg")
	require.NoError(t, err)
	require.Equal(t, svg.String(), string(drawn), "run make capacity-page")
}

// place returns the place for tables with a name.
func place(name, text string) string {
	return fmt.Sprintf(beginTables, name) + text + fmt.Sprintf(endTables, name)
}

func TestRun_WritesPageAndPicture(t *testing.T) {
	t.Parallel()
	for name, cores := range map[string][]string{"costs alone": nil, "costs and rates": twoMachines(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page, svg := filepath.Join(t.TempDir(), "page.md"), filepath.Join(t.TempDir(), "curves.svg")
			require.NoError(t, os.WriteFile(page, []byte("# Title\n"+place("costs", "old\n")+"between\n"+place("rates", "old\n")+"after\n"), 0o600))
			require.NoError(t, run(append([]string{page, svg, measured}, cores...), io.Discard))
			text, err := os.ReadFile(page)
			require.NoError(t, err)
			m, err := measure(measured, cores)
			require.NoError(t, err)
			require.Equal(t, "# Title\n"+place("costs", "\n"+m.costs()+"\n")+"between\n"+place("rates", "\n"+m.rates()+"\n")+"after\n", string(text))
			require.FileExists(t, svg)
		})
	}
}

func TestRun_ReportsProblems(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, run(nil, io.Discard), "usage")
	page := filepath.Join(t.TempDir(), "page.md")
	require.ErrorIs(t, run([]string{page, page, "none"}, io.Discard), os.ErrNotExist)
	require.ErrorIs(t, run([]string{page, page, measured, "none"}, io.Discard), os.ErrNotExist)
	require.NoError(t, os.WriteFile(page, []byte("# Title\n"), 0o600))
	require.ErrorContains(t, run([]string{page, page, measured}, io.Discard), "no place for the tables")
}

func TestAmount_HasTwoDigits(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{0: "0 ", 0.0123: "0.01 ", 0.0001: "< 0.01 ", 0.386: "0.4 ", 3.86: "3.9 ", 1e3: "1 k", 999.9: "1.0 k", 647e6: "647 M", 1.25e12: "1.2 T"} {
		require.Equal(t, want, amount(v))
	}
}
