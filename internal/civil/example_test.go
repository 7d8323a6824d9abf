package civil_test

import (
	"fmt"
	"log"
	"time"

	"github.com/seed-b636437c/automation/internal/civil"
)

// An email that is ready on a Friday evening waits for the office hours of its recipient.
func ExampleWindow_Next() {
	office := civil.Window{
		Hours: []civil.Hours{{
			Days: []civil.Weekday{civil.Monday, civil.Tuesday, civil.Wednesday, civil.Thursday, civil.Friday},
			From: civil.MustParseLocalTime("09:00"), To: civil.MustParseLocalTime("17:00"),
		}},
		Except: []civil.Date{civil.MustParseDate("2026-12-28")},
	}
	var zones civil.Zones
	berlin, err := zones.Load("Europe/Berlin")
	if err != nil {
		log.Fatal(err)
	}
	opens, _ := office.Next(time.Date(2026, 12, 25, 18, 30, 0, 0, berlin), berlin)
	closes, _ := office.Close(opens, berlin)
	fmt.Println(opens, closes.Sub(opens))
	// Output: 2026-12-29 09:00:00 +0100 CET 8h0m0s
}

// A reminder goes out at 09:00 on the day before an appointment, where the recipient is.
func ExampleUntil_Resolve() {
	reminder := civil.Until{Offset: civil.MustParseOffset("-1 day"), Time: civil.MustParseLocalTime("09:00")}
	var zones civil.Zones
	tokyo, err := zones.Load("Asia/Tokyo")
	if err != nil {
		log.Fatal(err)
	}
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	fmt.Println(reminder.Resolve("2026-12-24T16:00:00Z", tokyo, now, now.AddDate(1, 0, 0)))
	fmt.Println(reminder.Resolve("tomorrow", tokyo, now, now.AddDate(1, 0, 0)))
	// Output:
	// 2026-12-24 09:00:00 +0900 JST later
	// 0001-01-01 00:00:00 +0000 UTC missing
}

// A digest goes out on Mondays and Thursdays at 09:00.
func ExampleNextTime_After() {
	digest := civil.NextTime{Weekdays: []civil.Weekday{civil.Monday, civil.Thursday}, Time: civil.MustParseLocalTime("09:00")}
	fmt.Println(digest.After(time.Date(2026, 12, 22, 12, 0, 0, 0, time.UTC), time.UTC))
	// Output: 2026-12-24 09:00:00 +0000 UTC
}
