package record_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

const aUUID = "0195a3c0-7d00-7abc-8def-00000000000f"

func TestOwner_DistinguishesIDsAndEmails(t *testing.T) {
	t.Parallel()
	tests := []struct {
		ref   automation.ContactRef
		owner string
	}{
		{automation.ContactRef{ID: aUUID}, aUUID},
		{automation.ContactRef{ID: "42"}, "=42"},
		{automation.ContactRef{ID: "@x"}, "=@x"},
		{automation.ContactRef{ID: "=x"}, "==x"},
		{automation.ContactRef{ID: "ada@example.com"}, "=ada@example.com"},
		{automation.ContactRef{ID: strings.ToUpper(aUUID)}, "=" + strings.ToUpper(aUUID)},
		{automation.ContactRef{Email: "ada@example.com"}, "@ada@example.com"},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.owner, record.Owner(tt.ref))
		assert.Equal(t, tt.ref, record.Ref(tt.owner))
	}
	assert.Equal(t, "@ada@example.com", record.Owner(automation.ContactRef{Email: "Ada@Example.com"}))
}
