package civil

import (
	"fmt"
	"time"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// Weekday is a day of the week. The zero Weekday means "not given".
type Weekday string

// The days of the week.
const (
	Monday    Weekday = "mon"
	Tuesday   Weekday = "tue"
	Wednesday Weekday = "wed"
	Thursday  Weekday = "thu"
	Friday    Weekday = "fri"
	Saturday  Weekday = "sat"
	Sunday    Weekday = "sun"
)

// weekdays has the days in the order of time.Weekday.
var weekdays = [...]Weekday{Sunday, Monday, Tuesday, Wednesday, Thursday, Friday, Saturday}

// WeekdayOf returns d as a Weekday.
func WeekdayOf(d time.Weekday) Weekday { return weekdays[d] }

// Err returns the error in a Weekday that is none of the seven. The zero Weekday is an
// error too: a list of days has no place for a day that is not given.
func (w Weekday) Err() error {
	for _, known := range weekdays {
		if w == known {
			return nil
		}
	}
	return fmt.Errorf("weekday %s is not understood: write mon, tue, wed, thu, fri, sat or sun", jsondoc.Quote(w))
}
