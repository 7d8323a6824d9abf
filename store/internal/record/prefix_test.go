package record_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// A key is in the range exactly if it begins with the prefix.
func TestEmailsWith_ContainsExactlyTheKeysWithThePrefix(t *testing.T) {
	t.Parallel()
	text := rapid.StringOfN(rapid.SampledFrom([]rune("aAb%_@Äßшש\uD7FF\uE000\uFFFD\U0010FFFE\U0010FFFF\U0001F600")), 0, 6, -1)
	rapid.Check(t, func(t *rapid.T) {
		prefix := text.Draw(t, "prefix")
		key := automation.EmailKey(text.Draw(t, "key"))
		if rapid.Bool().Draw(t, "begins") {
			key = automation.EmailKey(prefix) + key
		}
		r := record.EmailsWith(prefix)
		assert.Equal(t, strings.HasPrefix(key, automation.EmailKey(prefix)), r.From <= key && key < r.To, "%+q", r)
		assert.True(t, utf8.ValidString(r.To), "%+q", r)
	})
}

func TestEmailRange_BeyondACursor(t *testing.T) {
	t.Parallel()
	ada := record.EmailsWith("Ada")
	assert.Equal(t, record.EmailRange{From: "ada", To: "adb"}, ada)
	assert.Equal(t, ada, ada.Beyond(automation.PageQuery{}, ""))
	assert.Equal(t, record.EmailRange{From: "adam", To: "adb"}, ada.Beyond(automation.PageQuery{After: "1"}, "adam"))
	assert.Equal(t, ada, ada.Beyond(automation.PageQuery{After: "1"}, "a"))
	assert.Equal(t, record.EmailRange{From: "ada", To: "adam"}, ada.Beyond(automation.PageQuery{Before: "1"}, "adam"))
	assert.Equal(t, ada, ada.Beyond(automation.PageQuery{Before: "1"}, "b"))
}
