package automation

import (
	"testing"

	"github.com/seed-b636437c/automation/internal/schema"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

func TestSchemaCache_GivesViolationsTheirCode(t *testing.T) {
	t.Parallel()
	payload, err := jsondoc.Scan([]byte(`{"plan":1}`))
	assert.NoError(t, err)
	for text, code := range map[string]Code{
		`{"plan":"string"}`: CodeSchemaMismatch,
		`{"type":"object","properties":{"plan":{"type":"string"}}}`: CodeSchemaMismatch,
		`{"plan":"strnig"}`:             CodeInvalidSchema,
		`{"$ref":"file:///etc/passwd"}`: CodeInvalidSchema,
		`{"plan":`:                      CodeInvalidSchema,
		`{"type":"object","properties":{"plan":{"type":"string","maxLength":1e999}}}`: CodeInvalidSchema,
	} {
		c := schemaCache{byText: map[string]*schema.Schema{}}
		compiled, invalid := c.compile(text)
		problems := foundSchema{text: text, schema: compiled, invalid: invalid}.validate(payload)
		assert.Len(t, problems, 1, text)
		assert.Equal(t, code, problems[0].Code, text)
		assert.Equal(t, SeverityError, problems[0].Severity, text)
	}
}
