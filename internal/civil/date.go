package civil

import (
	"fmt"
	"time"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// Date is a day of the calendar, in no zone: "2006-01-02". Two valid Dates are equal if
// they are the same day.
//
// The zero Date means "not given". A Date that is decoded from an invalid text keeps the
// text.
type Date struct {
	text    string
	day     int  // since 1970-01-01
	invalid bool // text is not a date; distinguishes "" from "not given"
}

// ParseDate parses a date such as "2026-12-25".
func ParseDate(text string) (Date, error) {
	d := dateFromText(text)
	if err := d.Err(); err != nil {
		return Date{}, err
	}
	return d, nil
}

// MustParseDate is ParseDate for dates that are written in code. It panics if text is no
// date.
func MustParseDate(text string) Date {
	d, err := ParseDate(text)
	if err != nil {
		panic(err)
	}
	return d
}

// DateOf returns the date on calendars of loc at t.
func DateOf(t time.Time, loc *time.Location) Date {
	year, month, day := t.In(loc).Date()
	return dateFromMidnight(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
}

// AddDays returns the date n days of the calendar after d, or before it if n is negative.
// d must be valid.
func (d Date) AddDays(n int) Date { return dateFromMidnight(d.wall(n * minutesPerDay)) }

// Weekday returns the weekday of d, which must be valid.
func (d Date) Weekday() Weekday { return WeekdayOf(d.wall(0).Weekday()) }

// String returns the text in which d was written.
func (d Date) String() string { return d.text }

// IsZero reports whether d is the zero Date, which means "not given".
func (d Date) IsZero() bool { return d == Date{} }

// Err returns the error in the text of an invalid Date. It returns nil for the zero Date.
func (d Date) Err() error {
	if !d.invalid {
		return nil
	}
	return fmt.Errorf(`date %s is not understood: write a day of the calendar as year, month and day, such as "2026-12-25"`,
		jsondoc.Quote(d.text))
}

// MarshalJSON encodes the text in which d was written. The zero Date encodes as null.
func (d Date) MarshalJSON() ([]byte, error) { return encodeText(d.text, !d.IsZero()), nil }

// UnmarshalJSON accepts any string. Err reports whether it is a date. null leaves d
// unchanged.
func (d *Date) UnmarshalJSON(data []byte) error {
	text, given, err := decodeText(data, `a date is a string, such as "2026-12-25"`)
	if given {
		*d = dateFromText(text)
	}
	return err
}

// wall returns what a wall clock shows the given minutes after the beginning of d. Wall
// clocks are written as times in UTC, so that they can be compared and counted.
func (d Date) wall(minute int) time.Time {
	return time.Date(1970, time.January, 1+d.day, 0, minute, 0, 0, time.UTC)
}

func dateFromText(text string) Date {
	midnight, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return Date{text: text, invalid: true}
	}
	return dateFromMidnight(midnight)
}

func dateFromMidnight(midnight time.Time) Date {
	const secondsPerDay = 24 * 60 * 60
	return Date{text: midnight.Format(time.DateOnly), day: int(midnight.Unix() / secondsPerDay)}
}
