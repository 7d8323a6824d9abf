package dashboard

import (
	"html/template"
	"strconv"
	"strings"
)

// functions are the functions of all templates.
var functions = template.FuncMap{"count": formatCount, "sign": sign}

// formatCount writes a number with commas between groups of three digits.
func formatCount(n int) string {
	digits := strconv.Itoa(n)
	start := len(digits) % 3
	if n < 0 || len(digits) < 4 {
		return digits
	}
	groups := []string{}
	if start > 0 {
		groups = append(groups, digits[:start])
	}
	for i := start; i < len(digits); i += 3 {
		groups = append(groups, digits[i:i+3])
	}
	return strings.Join(groups, ",")
}

// sign returns the sign of a status. Not every person can see the difference of two
// colours.
func sign(status string) string {
	signs := map[string]string{
		"running": "●", "waiting": "◔", "completed": "✓", "failed": "✕", "cancelled": "⊘", "skipped": "–", "pending": "○",
		"enabled": "●", "disabled": "○", "started": "▸", "resumed": "↻", "ended": "■", "ignored": "–", "published": "●", "draft": "○",
		"added": "+", "removed": "−", "changed": "~",
	}
	return signs[status]
}
