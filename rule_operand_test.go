package automation

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation/internal/jsonvalue"
)

func TestOperandOf_NamesTheJSONType(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		given any
		want  string
	}{
		{nil, "null"},
		{"", "string"},
		{hostPlan("pro"), "string"},
		{json.Number("1e999999999"), "number"},
		{json.Number("one"), "other"},
		{int8(1), "number"},
		{1.5, "number"},
		{false, "boolean"},
		{hostFlag(true), "boolean"},
		{[]any{}, "array"},
		{map[string]any{}, "object"},
		{[]string{"a"}, "other"},
		{time.Time{}, "other"},
		{(*int)(nil), "other"},
	} {
		o := operandOf(test.given)
		assert.Equal(t, test.want, o.kind.String(), "%T %v", test.given, test.given)
	}
	assert.Equal(t, "absent", operand{}.kind.String())
}

func TestParseDate_ReadsRFC3339(t *testing.T) {
	t.Parallel()
	midnight := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2026-01-31":                     midnight,
		"2026-01-31T00:00:00Z":           midnight,
		"2026-01-31T02:00:00+02:00":      midnight,
		"2026-01-30T19:00:00.000-05:00":  midnight,
		"2026-01-31T00:00:00.000000001Z": midnight.Add(1),
		"2024-02-29":                     time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC),
	} {
		got, ok := jsonvalue.ParseDate(text)
		assert.True(t, ok, text)
		assert.True(t, want.Equal(got), "%s: %s", text, got)
	}
	for _, text := range []string{
		"", "2026", "2026-1-31", "2026-02-29", "31.01.2026", "2026-01-31T", "2026-01-31T00:00Z", "2026-01-31T00:00:00",
		"2026-01-31 00:00:00Z", "2026-01-31T0:00:00Z", "2026-01-31T00:00:00,5Z", "2026-01-31T24:00:00Z",
		"2026-01-31T00:00:00+24:00", "2026-01-31T00:00:00Z ", "Sat Jan 31", "2026-01-3\x00",
	} {
		_, ok := jsonvalue.ParseDate(text)
		assert.False(t, ok, "%q", text)
	}
}

func TestRule_ComparesDatesWithoutAllocating(t *testing.T) {
	rule, d := mustCompileRule(t, Field("event.noon_bern").Gt("2026-01-31")), ruleData(t)
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = rule.eval(d, nil) }))
}

func TestOperator_UnknownAcceptsNoOperands(t *testing.T) {
	t.Parallel()
	five := operandOf(5)
	held, fits := Operator("near").compare(&five, &five)
	assert.False(t, held)
	assert.False(t, fits)
}
