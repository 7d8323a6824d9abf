package automation

import "time"

// Duration is a length of time that remembers how it was written, so that
// "3 days" is encoded as "3 days" and not as "72h0m0s". A day is 24 hours.
//
// The zero Duration means "none". A Duration decoded from text that is not a
// duration keeps the text, reports it through Err, and is refused by Validate.
type Duration struct {
	text string
	std  time.Duration
}
