// Package nearest finds the name that a misspelled name most likely stands for.
package nearest

import "strings"

// maxName bounds the length of a name, because the cost of a comparison grows with the
// product of the lengths.
const maxName = 80

// Match returns the known name that name most likely misspells, or "". It ignores case
// and separators: eventName, for instance, is a common misspelling of event_name.
func Match(name string, known []string) string {
	if len(name) > maxName {
		return ""
	}
	plain := plainName(name)
	best, distance := "", 1+min(2, len(plain)/2)
	for _, k := range known {
		if d := editDistance(plain, plainName(k)); d < distance {
			best, distance = k, d
		}
	}
	return best
}

func plainName(name string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(name))
}

// editDistance returns the number of bytes to insert, remove or replace to turn a into
// b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
