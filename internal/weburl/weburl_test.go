package weburl_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation/internal/weburl"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"https://example.com", "http://localhost:8080/a?b#c", "HTTPS://example.com"} {
		u, ok := weburl.Parse(text)
		assert.True(t, ok, text)
		assert.NotEmpty(t, u.Host)
	}
	for _, text := range []string{"", "example.com", "ftp://example.com", "https:", "https:///path", "mailto:a@example.com", "http://%zz"} {
		_, ok := weburl.Parse(text)
		assert.False(t, ok, text)
	}
}
