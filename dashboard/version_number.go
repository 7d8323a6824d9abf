package dashboard

import "strconv"

// maxVersion is the largest number that a store can keep.
const maxVersion = 1<<31 - 1

// parseVersion returns the number of a version. It is 0 for an empty text.
func parseVersion(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxVersion {
		return 0, badInput("There is no such version", "A version is a number from 1 on.")
	}
	return n, nil
}

// versionFilter returns the version in the query of the page, and 0 for all versions.
func (x *exchange) versionFilter() (int, error) { return parseVersion(x.r.URL.Query().Get("version")) }
