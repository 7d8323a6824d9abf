package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A body of one megabyte must not get an answer of forty.
func TestProblems_AreListedUpToAHundred(t *testing.T) {
	t.Parallel()
	many := func(element string) string { return strings.TrimSuffix(strings.Repeat(element+",", 10_000), ",") }
	step := `{"key": "start", "type": "trigger", "config": {"event_name": "x"}}`
	tests := map[string]struct{ path, body string }{
		"repeated fields":                   {"/events", `{` + many(`"name": "x"`) + `}`},
		"unknown fields":                    {"/contacts", `{` + members(10_000, "1") + `}`},
		"properties":                        {"/contacts", `{"email": "a@example.com", "properties": {` + members(10_000, "[]") + `}}`},
		"segments":                          {"/contacts", `{"email": "a@example.com", "segments": [` + many(`{}`) + `]}`},
		"segments without an id":            {"/contacts", `{"email": "a@example.com", "segments": [` + many(`""`) + `]}`},
		"repeated fields of an automation":  {"/automations", `{` + many(`"name": "x"`) + `}`},
		"connections":                       {"/automations", `{"name": "x", "steps": [` + step + `], "connections": [` + many(`{"from": "a", "to": "b"}`) + `]}`},
		"repeated fields of a new template": {"/templates", `{` + many(`"name": "x"`) + `}`},
		"variables":                         {"/templates", `{"name": "x", "html": "x", "variables": [` + many(`1`) + `]}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := setup(t)
			got := a.must(http.StatusUnprocessableEntity, "POST", tt.path, tt.body)
			assert.Less(t, len(got.body), 30_000)
			assert.Contains(t, got.failure(t).Message, "more than 100 problems: ")
		})
	}
}

// members are n members of an object, each with a name of its own.
func members(n int, value string) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(`"f%d": %s`, i, value)
	}
	return strings.Join(all, ", ")
}
