package automation

import (
	"fmt"
	"time"

	"github.com/seed-b636437c/automation/internal/civil"
)

// The types of local time keep the text in which a person wrote them, and encode as that
// text. One that is decoded from an invalid text keeps the text too: its Err returns the
// error, and Validate refuses it. The zero value of each means "not given".
type (
	// Offset is a length of time with a direction: "-1 day" is before, "2 hours" after. One
	// sign is in front of the whole: "-1 day 12 hours" is 36 hours before. Std returns it as
	// a time.Duration, in which a day has 24 hours.
	Offset = civil.Offset
	// LocalTime is a time of day on the wall clock, to the minute: "09:00". "24:00", the end
	// of a day, is allowed where something ends.
	LocalTime = civil.LocalTime
	// Date is a day of the calendar, in no zone: "2026-12-25".
	Date = civil.Date
	// Weekday is a day of the week, from Monday to Sunday: "mon", "tue", "wed", "thu", "fri",
	// "sat" or "sun" in JSON.
	Weekday = civil.Weekday
	// Hours are the hours From a time of day To another, both of type LocalTime, on the Days
	// of the week on which they begin, a []Weekday. Without Days, every day is meant. At To
	// they are over. A To before From is on the next day.
	//
	//	Hours{Days: []Weekday{Monday, Friday}, From: MustParseLocalTime("09:00"), To: MustParseLocalTime("17:00")}
	//
	// In JSON they are {"days": ["mon", "fri"], "from": "09:00", "to": "17:00"}.
	Hours = civil.Hours
	// NextTime is a Time of day, a LocalTime, on some Weekdays, a []Weekday. Without Weekdays,
	// every day is meant. A time that clocks jump over is the first instant after the gap, and
	// of a time that they show twice only the first counts. Its method After returns the first
	// instant at or after another one at which the clocks of a zone show it.
	//
	//	NextTime{Weekdays: []Weekday{Monday}, Time: MustParseLocalTime("09:00")}
	//
	// In JSON it is {"weekdays": ["mon"], "time": "09:00"}.
	NextTime = civil.NextTime
)

// The days of the week.
const (
	Monday    = civil.Monday
	Tuesday   = civil.Tuesday
	Wednesday = civil.Wednesday
	Thursday  = civil.Thursday
	Friday    = civil.Friday
	Saturday  = civil.Saturday
	Sunday    = civil.Sunday
)

// ParseOffset parses an offset in words, such as "-1 day" or "30 minutes", or in Go's form,
// such as "-36h".
func ParseOffset(text string) (Offset, error) { return parsed(civil.ParseOffset(text)) }

// MustParseOffset is ParseOffset for offsets that are written in code. It panics if text is
// no offset.
func MustParseOffset(text string) Offset { return civil.MustParseOffset(text) }

// ParseLocalTime parses a time of day from "00:00" to "23:59".
func ParseLocalTime(text string) (LocalTime, error) { return parsed(civil.ParseLocalTime(text)) }

// MustParseLocalTime parses a time of day that is written in code, from "00:00" to "24:00".
// It panics if text is none.
func MustParseLocalTime(text string) LocalTime { return civil.MustParseLocalTime(text) }

// ParseDate parses a date such as "2026-12-25".
func ParseDate(text string) (Date, error) { return parsed(civil.ParseDate(text)) }

// MustParseDate is ParseDate for dates that are written in code. It panics if text is no
// date.
func MustParseDate(text string) Date { return civil.MustParseDate(text) }

// parsed adds the name of the package to an error.
func parsed[T any](value T, err error) (T, error) {
	if err != nil {
		err = fmt.Errorf("automation: %w", err)
	}
	return value, err
}

// zones is the table of the time zones that this process has loaded.
var zones civil.Zones

// loadZone returns the zone with this name, as this process has it.
func loadZone(name string) (*time.Location, error) { return zones.Load(name) }
