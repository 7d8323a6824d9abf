package dashboard

import "time"

// fieldTime is the form of a time in an <input type="datetime-local">.
const fieldTime = "2006-01-02T15:04"

// parseTime parses the time of a filter, in the zone of the pages unless it has one. An
// empty text is no time.
func (x *exchange) parseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{fieldTime, "2006-01-02T15:04:05", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, x.opts.Location); err == nil {
			return at, nil
		}
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, badInput("This is no time", "Write a time as 2026-01-31T09:30, in the zone of the page, or with a zone as 2026-01-31T09:30:00Z.")
	}
	return at, nil
}
