package automation_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// fieldsOf has, for each column of the table of operators in docs/steps.md, data in which
// a field is what the column names.
var fieldsOf = map[string][]sampleField{
	"absent from the payload": {{"event.x", automation.Data{}}, {"event.x", automation.Data{Event: map[string]any{"y": "a"}}}},
	"unset in the contact": {
		{"contact.properties.x", automation.Data{Contact: &automation.Contact{}}}, {"contact.first_name", automation.Data{Contact: &automation.Contact{}}},
		{"contact.properties.x", automation.Data{Contact: &automation.Contact{Properties: map[string]any{"x": nil}}}},
	},
	"null":    payloads(nil),
	"text":    payloads("", "a", "ab", "2026-01-31", "2026-02-01"),
	"number":  payloads(json.Number("1"), json.Number("2"), json.Number("3")),
	"boolean": payloads(true, false),
	"array":   payloads([]any{}, []any{"a"}, []any{json.Number("1"), true, nil}),
	"object":  payloads(map[string]any{}, map[string]any{"a": json.Number("1")}),
}

type sampleField struct {
	path string
	data automation.Data
}

func payloads(values ...any) (fields []sampleField) {
	for _, v := range values {
		fields = append(fields, sampleField{"event.x", automation.Data{Event: map[string]any{"x": v}}})
	}
	return fields
}

var literals = []automation.Value{
	{}, automation.Null(), automation.Bool(true), automation.Number(1), automation.Number(2),
	automation.String(""), automation.String("a"), automation.String("ab"), automation.String("2026-01-31"), automation.String("2026-02-01"),
}

// Each cell of the table of operators in docs/steps.md is what rules do.
func TestDocs_OperatorsDoWhatTheirTableStates(t *testing.T) {
	t.Parallel()
	_, table, found := strings.Cut(read(t, "docs/steps.md"), "| operator | absent from the payload |")
	require.True(t, found)
	table, _, _ = strings.Cut("| operator | absent from the payload |"+table, "\n\n")
	rows := strings.Split(table, "\n")
	columns, seen := cells(rows[0]), map[string]bool{}
	require.Len(t, columns, 1+len(fieldsOf))
	for _, row := range rows[2:] {
		row := cells(row)
		for _, op := range strings.Split(row[0], ", ") {
			seen[strings.Trim(op, "`")] = true
			for i, column := range columns[1:] {
				assert.Equal(t, row[1+i], cellOf(t, automation.Operator(strings.Trim(op, "`")), column), "%s %s", op, column)
			}
		}
	}
	assert.Len(t, seen, 14, "operators")
}

func cells(row string) []string {
	parts := strings.Split(strings.Trim(row, "| "), "|")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// comparison is one comparison of a field with a literal.
type comparison struct {
	field, value string // their kinds
	held, failed bool
}

// cellOf returns what the table must state for an operator and a column.
func cellOf(t *testing.T, op automation.Operator, column string) string {
	t.Helper()
	var all []comparison
	for _, field := range fieldsOf[column] {
		for _, literal := range literals {
			source := automation.Rule{Field: field.path, Operator: op, Value: literal}
			if op == automation.OpIn {
				source.Value, source.Values = automation.Value{}, []automation.Value{automation.String("other"), literal}
			}
			rule, err := automation.CompileRule(source, automation.RuleOptions{})
			if err != nil {
				continue // the operator does not take this literal
			}
			held, err := rule.Holds(field.data)
			all = append(all, comparison{kindOf(field.data.Event["x"]), kindOf(literal.Literal()), held, err != nil})
		}
	}
	require.NotEmpty(t, all)
	failed := func(c comparison) bool { return c.failed }
	switch {
	case every(all, failed):
		return "fails"
	case !some(all, failed):
		return resultOf(op, all)
	}
	for _, kind := range []string{"number", "date", "text"} {
		if every(all, func(c comparison) bool { return c.failed != (is(c.field, kind) && is(c.value, kind)) }) {
			return "compares " + kind + "s"
		}
	}
	return fmt.Sprint(all)
}

// resultOf returns the cell for comparisons none of which failed.
func resultOf(op automation.Operator, all []comparison) string {
	held := func(c comparison) bool { return c.held }
	switch {
	case every(all, held):
		return "holds"
	case !some(all, held):
		return "never"
	case op == automation.OpIsEmpty:
		return "if empty"
	case op == automation.OpIsNotEmpty:
		return "if not empty"
	default:
		return "compares"
	}
}

func kindOf(v any) string {
	switch v := v.(type) {
	case string:
		if strings.HasPrefix(v, "2026") {
			return "date"
		}
		return "text"
	case json.Number:
		return "number"
	default:
		return "other"
	}
}

// is reports whether something of this kind is of the kind want, too: dates are texts.
func is(kind, want string) bool { return kind == want || kind == "date" && want == "text" }

func every(all []comparison, is func(comparison) bool) bool {
	return !some(all, func(c comparison) bool { return !is(c) })
}

func some(all []comparison, is func(comparison) bool) bool {
	for _, c := range all {
		if is(c) {
			return true
		}
	}
	return false
}
