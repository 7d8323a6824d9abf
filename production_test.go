package automation_test

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

func TestProduction_ShowsTheDefaultsOfTheOptions(t *testing.T) {
	t.Parallel()
	defaults, found := reflect.ValueOf(automation.DefaultOptions()), 0
	for _, row := range tableRows(read(t, "docs/production.md")) {
		field := defaults.FieldByName(strings.Trim(row[0], "`"))
		if !field.IsValid() {
			continue
		}
		found++
		assert.Equal(t, row[1], shown(field.Interface()), row[0])
	}
	assert.Equal(t, 11, found, "options in the table of settings")
}

// shown returns a default as the page shows it.
func shown(value any) string {
	if policy, ok := value.(automation.RetryPolicy); ok {
		value = policy.For
	}
	text := strings.NewReplacer("m0s", "m", "h0m0s", "h").Replace(fmt.Sprint(value))
	if text == "0s" {
		return "none"
	}
	return text
}

func TestProduction_NamesTheAttemptsOfTheDefaultPolicy(t *testing.T) {
	t.Parallel()
	attempts, total := automation.RetryPolicy{}.Total()
	assert.Contains(t, read(t, "docs/production.md"), fmt.Sprintf("makes %d attempts in %d hours and %d minutes",
		attempts, int(total.Hours()), int(total.Minutes())%60))
}

// docs/performance.md has the figures, and the example follows from them.
func TestProduction_CalculatesWithMeasuredFigures(t *testing.T) {
	t.Parallel()
	page, measured := read(t, "docs/production.md"), read(t, "docs/performance.md")
	rows := tableRows(sectionOf(t, page, "Sizing"))
	pair := func(label string) (sqlite, postgres float64) {
		i := slices.IndexFunc(rows, func(row []string) bool { return strings.HasPrefix(row[0], label) })
		require.GreaterOrEqual(t, i, 0, label)
		return figure(t, rows[i][1], measured), figure(t, rows[i][2], measured)
	}
	runsS, runsP := pair("complete runs")
	timersS, timersP := pair("timers")
	sleepingS, sleepingP := pair("bytes of a sleeping run")
	_, log := pair("bytes of log")
	pair("MB of heap")
	flowing := strings.Join(strings.Fields(page), " ")
	for _, sentence := range []string{
		fmt.Sprintf("they take %.0f seconds of the month on SQLite and %.0f on Postgres", 3e6/runsS, 3e6/runsP),
		fmt.Sprintf("the engine needs %.0f seconds on SQLite and %.0f on Postgres", 1e6/timersS, 1e6/timersP),
		fmt.Sprintf("take %.2f GB on SQLite and %.2f GB on Postgres", sleepingS/1e3, sleepingP/1e3),
		fmt.Sprintf("write %.0f GB of WAL a month", 3*log/1e3),
	} {
		assert.Contains(t, flowing, sentence)
	}
	nodes := regexp.MustCompile(`one completes (\S+) runs a second, two (\S+), and four (\S+)\.`).FindStringSubmatch(flowing)
	require.Len(t, nodes, 4)
	for _, cell := range nodes[1:] {
		figure(t, cell, measured)
	}
}

// figure returns a figure that another page has too. It is zero for an empty cell.
func figure(t *testing.T, cell, page string) float64 {
	t.Helper()
	if cell == "" {
		return 0
	}
	assert.Contains(t, page, cell)
	f, err := strconv.ParseFloat(strings.ReplaceAll(cell, ",", ""), 64)
	require.NoError(t, err)
	return f
}

func TestProduction_AlertsOnMetricsThatExist(t *testing.T) {
	t.Parallel()
	observing := read(t, "docs/observing.md")
	names := regexp.MustCompile(`automation_\w+`).FindAllString(read(t, "docs/production.md"), -1)
	assert.Len(t, names, 5)
	for _, name := range names {
		assert.Contains(t, observing, strings.TrimSuffix(name, "_count"))
	}
}

// tableRows returns the cells of the tables in a text.
func tableRows(text string) (rows [][]string) {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	return rows
}

// sectionOf returns what follows a heading, up to the next heading of that level.
func sectionOf(t *testing.T, page, heading string) string {
	t.Helper()
	_, section, found := strings.Cut(page, "\n## "+heading+"\n")
	require.True(t, found, heading)
	section, _, _ = strings.Cut(section, "\n## ")
	return section
}
