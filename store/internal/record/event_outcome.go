package record

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation"
)

// Rows contain the codes of reasons, which are their indexes here: the order never
// changes.
var reasons = [...]automation.EventReason{
	"", automation.ReasonContactDeleted, automation.ReasonFilterNotMet, automation.ReasonBeforeWait, automation.ReasonDisabled, automation.ReasonNoMatch,
	automation.ReasonRefused,
}

// ReasonCode returns the code of a reason, -1 for one that does not exist.
func ReasonCode(r automation.EventReason) int16 { return int16(slices.Index(reasons[:], r)) }

// ReasonOf returns the reason of a code.
func ReasonOf(code int16) automation.EventReason {
	if code < 0 || int(code) >= len(reasons) {
		return automation.EventReason(fmt.Sprintf("unknown reason %d", code))
	}
	return reasons[code]
}

// EncodeRuns returns the ids of the runs that an event resumed, and of those that it ended, as
// one text. Ids of runs contain no spaces, and do not begin with a sign.
func EncodeRuns(h *automation.HandledEvent) string {
	words := slices.Clone(h.Resumed)
	for _, id := range h.Ended {
		words = append(words, endedSign+id)
	}
	return strings.Join(words, " ")
}

// DecodeRuns returns the ids of a text that EncodeRuns made, or of any other text of ids.
func DecodeRuns(text string) (resumed, ended []string) {
	for _, word := range strings.Fields(text) {
		if id, ok := strings.CutPrefix(word, endedSign); ok {
			ended = append(ended, id)
		} else {
			resumed = append(resumed, word)
		}
	}
	return resumed, ended
}

// endedSign stands before the id of a run that an event ended.
const endedSign = "-"
