package template_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/mail/template"
)

func TestParse_ReadsTheJSONOfResend(t *testing.T) {
	t.Parallel()
	got, err := template.Parse([]byte(`{"name": "n", "html": "h", "variables": []}`))
	require.NoError(t, err)
	assert.Equal(t, template.Template{Name: "n", HTML: "h", Variables: []template.Variable{}}, got)
	_, err = template.Parse([]byte(`{"NAME": "n"}`))
	assert.Equal(t, []string{"unknown_field NAME"}, problems(t, err))
	_, err = template.Parse([]byte(`{"a": 1 "b": 2}`))
	assert.Equal(t, []string{"syntax "}, problems(t, err))
	_, err = template.Parse([]byte(`{"name": {"a": ]}`))
	assert.Equal(t, []string{"syntax "}, problems(t, err))
}

// A path that grows with each level would turn a small document into gigabytes.
func TestParse_RefusesDeepNestingAtOnce(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{
		"arrays":   strings.Repeat("[", 1_000_000),
		"objects":  strings.Repeat(`{"a":`, 1_000_000),
		"long key": `{"` + strings.Repeat("k", 500_000) + `":[` + strings.Repeat("[0],", 100_000) + `[`,
	} {
		_, err := template.Parse([]byte(data))
		assert.Equal(t, []string{"syntax "}, problems(t, err), name)
		assert.Less(t, len(err.Error()), 1000)
	}
}

// A small document with many problems at a great depth must not cause megabytes of text.
func TestParse_BoundsTheTextOfItsProblems(t *testing.T) {
	t.Parallel()
	key := `{"` + strings.Repeat("k", 80) + `":`
	data := strings.Repeat(key, 200) + "{" + strings.Repeat(`"a":1,`, 10_000) + `"a":1}` + strings.Repeat("}", 200)
	_, err := template.Parse([]byte(data))
	got := problems(t, err)
	assert.Len(t, got, 101)
	assert.Less(t, len(err.Error()), 200_000)
}
