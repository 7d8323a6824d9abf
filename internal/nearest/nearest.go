// Package nearest finds the name that a misspelled one most likely stands for.
package nearest

import "strings"

// maxName bounds the names that are compared, because the cost of a comparison grows
// with the product of their lengths.
const maxName = 80

// Match returns the known name that name is most likely a slip of the pen for,
// or "". Names that differ only in case and separators, such as eventName, are
// the same slip in every client.
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

// editDistance returns how many bytes must be inserted, removed or replaced to
// turn a into b.
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
