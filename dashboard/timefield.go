package dashboard

import "time"

// The forms of a time in an <input type="datetime-local">.
const (
	fieldTime     = "2006-01-02T15:04"
	fieldTimeLong = "2006-01-02T15:04:05"
)

// parseTime parses the time of a filter, in the zone of the pages unless it has one. An
// empty text is no time.
func (x *exchange) parseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{fieldTime, fieldTimeLong, time.DateOnly} {
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

// timeField returns a time for an <input type="datetime-local">.
func (x *exchange) timeField(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	layout := fieldTime
	if at.Second() != 0 {
		layout = fieldTimeLong
	}
	return at.In(x.opts.Location).Format(layout)
}
