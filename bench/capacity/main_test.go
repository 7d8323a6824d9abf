package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/bench/figures"
)

// The page and the picture are those of the figures that are kept.
func TestPage_HasWhatTheModelComputes(t *testing.T) {
	t.Parallel()
	f, err := figures.Open("../model/measured.txt")
	require.NoError(t, err)
	stores, err := measuredStores(f)
	require.NoError(t, err)
	require.NotEmpty(t, stores)
	page, err := os.ReadFile("../../docs/scaling.md")
	require.NoError(t, err)
	want, err := withTables(string(page), tables(f, stores))
	require.NoError(t, err)
	require.Equal(t, want, string(page), "run make capacity-page")
	var svg bytes.Buffer
	require.NoError(t, curves(f, stores).Draw(&svg))
	drawn, err := os.ReadFile("../../docs/scaling.svg")
	require.NoError(t, err)
	require.Equal(t, svg.String(), string(drawn), "run make capacity-page")
}

func TestRun_WritesPageAndPicture(t *testing.T) {
	t.Parallel()
	page, svg := filepath.Join(t.TempDir(), "page.md"), filepath.Join(t.TempDir(), "curves.svg")
	require.NoError(t, os.WriteFile(page, []byte("# Title\n"+begin+"old\n"+end+"after\n"), 0o600))
	var out bytes.Buffer
	require.NoError(t, run([]string{"../model/measured.txt", page, svg}, &out))
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Equal(t, "# Title\n"+begin+"\n"+out.String()+"\n"+end+"after\n", string(text))
	require.FileExists(t, svg)
}

func TestRun_ReportsProblems(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, run(nil, io.Discard), "usage")
	page := filepath.Join(t.TempDir(), "page.md")
	require.ErrorIs(t, run([]string{"none", page, page}, io.Discard), os.ErrNotExist)
	require.NoError(t, os.WriteFile(page, []byte("# Title\n"), 0o600))
	require.ErrorContains(t, run([]string{"../model/measured.txt", page, page}, io.Discard), "no place for the tables")
}

func TestAmount_HasTwoDigits(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{0: "0 ", 0.0123: "0.01 ", 0.0001: "< 0.01 ", 0.386: "0.4 ", 3.86: "3.9 ", 1e3: "1 k", 999.9: "1.0 k", 647e6: "647 M", 1.25e12: "1.2 T"} {
		require.Equal(t, want, amount(v))
	}
}
