package main

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A person who builds a flow of the documentation on the dashboard finds its templates and its
// events there.
func TestSample_HasTheTemplatesAndEventsOfTheDocumentation(t *testing.T) {
	t.Parallel()
	templates := map[string]bool{}
	for _, email := range sampleEmails {
		templates[email[0]] = true
	}
	for _, file := range []string{"README.md", "docs/getting-started.md"} {
		text, err := os.ReadFile("../../" + file)
		require.NoError(t, err)
		used := regexp.MustCompile(`TemplateRef\{ID: "([^"]+)"`).FindAllSubmatch(text, -1)
		require.NotEmpty(t, used, file)
		for _, found := range used {
			assert.True(t, templates[string(found[1])], "%s has the template %s", file, found[1])
		}
		named := regexp.MustCompile(`EventName: "([^"]+)"`).FindAllSubmatch(text, -1)
		require.NotEmpty(t, named, file)
		for _, found := range named {
			assert.Contains(t, sampleEvents, string(found[1]), file)
		}
	}
}
