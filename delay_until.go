package automation

// DelayUntil pauses the run until an instant: one that is counted from the date At, or the
// Next time of day on a weekday. It has exactly one of them. Resend has no such step.
//
// The instant is computed once, and stored. Only a date in contact. is read again, when the
// instant has come and whenever else a Runner looks at the run: a later date makes the run
// sleep on, and an earlier one counts as past. A request to retry the run computes anew.
type DelayUntil struct {
	// At is a date or a date-time of RFC 3339: a literal, or a reference to one. The instant
	// must not be further from the start of the step than Limits.Until, 366 days by default:
	// otherwise the step fails with FailedTooFar.
	At Value `json:"at,omitzero"`
	// Offset moves At, and may be negative: "-1 day". With a Time it counts days of the
	// calendar, and without one a day has 24 hours.
	Offset Offset `json:"offset,omitzero"`
	// Time is the time of day on the date of At in the zone. Without it, the instant has the
	// time of day of At, which must then have one.
	Time LocalTime `json:"time,omitzero"`
	// IfPast is what happens if the instant is more than a minute ago when it is computed.
	// Either this is given, or a connection of type ConnectionPast, which the run takes.
	IfPast Otherwise `json:"if_past,omitempty"`
	// IfMissing is what happens if At leads to no date: to nothing, to null, to another type,
	// or to a date without a time of day although Time is absent. Empty means OtherwiseFail.
	IfMissing Otherwise `json:"if_missing,omitempty"`
	// Next is the time of day, and the weekdays. The instant is the first such time at or
	// after the start of the step and After. Offset, Time, IfPast and IfMissing belong to At.
	Next *NextTime `json:"next,omitempty"`
	// After moves the time from which on Next counts. It is at most Limits.Until.
	After Duration `json:"after,omitzero"`
	// Zone is the time zone of Time and of Next.
	Zone Zone `json:"zone,omitzero"`
}

// StepType returns TypeDelayUntil.
func (DelayUntil) StepType() StepType { return TypeDelayUntil }

// Otherwise is what a run does if a DelayUntil has no instant to wait for.
type Otherwise string

// What a run can do.
const (
	OtherwiseContinue Otherwise = "continue" // take the default connection at once
	OtherwiseEnd      Otherwise = "end"      // complete
	OtherwiseFail     Otherwise = "fail"     // fail, with FailedPast or FailedNoDate
)
