package record

import "github.com/seed-b636437c/automation"

// EncodeMarks returns the marks of the starts that a step has kept, one after the other.
func EncodeMarks(starts []automation.RunStart, outcomes []automation.StartOutcome) []byte {
	marks := make([]byte, 0, len(starts)*len(automation.BulkMark{}))
	for i := range starts {
		if outcomes[i] != automation.StartNoContact {
			marks = append(marks, starts[i].Mark[:]...)
		}
	}
	return marks
}

// DecodeMarks is the inverse of EncodeMarks. It appends to marks.
func DecodeMarks(marks []automation.BulkMark, encoded []byte) []automation.BulkMark {
	const size = len(automation.BulkMark{})
	for ; len(encoded) >= size; encoded = encoded[size:] {
		marks = append(marks, automation.BulkMark(encoded[:size]))
	}
	return marks
}

// MarkedSteps is how many steps of a bulk a store reads at a time, so that a large bulk is not in
// memory twice.
const MarkedSteps = 100

// SortStarts returns which starts of a step a store must write in which way, given the contacts
// that it has, those for which something may come before, and whether turns may be written at all.
func SortStarts(step *automation.BulkStep, exists, busy func(s *automation.RunStart) bool, current bool) []automation.StartOutcome {
	outcomes := make([]automation.StartOutcome, len(step.Starts))
	for i := range step.Starts {
		s := &step.Starts[i]
		switch {
		case !s.Event.HostContact && !exists(s):
			outcomes[i] = automation.StartNoContact
		case !current || s.Turn == nil || busy(s):
			outcomes[i] = automation.StartPending
		default:
			outcomes[i] = automation.StartHandled
		}
	}
	return outcomes
}
