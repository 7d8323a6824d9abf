// Package civil computes with local time: dates, times of day and weekdays of people who
// live in a time zone.
//
// The types keep what a person wrote: they encode as the text from which they were
// decoded, also if it is invalid. Err of each returns the error of an invalid text. The
// zero value of each means "not given".
//
// # Clock changes
//
// Every instant is computed from the wall clock that is wanted, never by adding hours to
// an earlier instant:
//
//   - A local time that does not exist, because clocks went forward over it, is the first
//     instant after the gap.
//   - A local time that exists twice, because clocks went back, is the first of the two.
//     Only the end of Hours is the second, unless nothing before it is shown again.
//   - A day that a zone leaves out is a gap like any other: its local times are the next
//     instant that exists.
//
// time.Date promises none of this. No function reads a clock.
package civil
