package diagram

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestCut_MeasuresWidthAndNotCharacters(t *testing.T) {
	t.Parallel()
	narrow, wide := strings.Repeat("i", 40), strings.Repeat("W", 40)
	assert.Equal(t, narrow, titleFont.cut(narrow, 200))
	assert.Less(t, utf8.RuneCountInString(titleFont.cut(wide, 200)), 20)
	assert.Equal(t, "wait for…", titleFont.cut("wait for project", 78), "no space before the ellipsis")
}

func TestCut_KeepsCharactersTogether(t *testing.T) {
	t.Parallel()
	const family, accented = "👩‍👩‍👧‍👦", "e\u0301"
	assert.Equal(t, family+"…", titleFont.cut(strings.Repeat(family, 5), titleFont.measure(family)+14))
	assert.Equal(t, accented+"…", titleFont.cut(strings.Repeat(accented, 9), titleFont.measure("e")+14))
}

func TestCut_FitsAlways(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text, pixels := rapid.String().Draw(t, "text"), rapid.IntRange(14, 300).Draw(t, "pixels")
		cut := summaryFont.cut(text, pixels)
		assert.LessOrEqual(t, summaryFont.measure(cut), pixels)
		assert.True(t, cut == text || strings.HasSuffix(cut, ellipsis))
	})
}

func TestPlain_IsOneLineThatTurnsNoDirection(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "a b", plain("\u2066 a\n\u202eb\x00"))
	assert.Equal(t, "�", plain("\xff"))
}
