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

// EncodeIDs returns ids as one text. Ids of runs contain no spaces.
func EncodeIDs(ids []string) string { return strings.Join(ids, " ") }

// DecodeIDs returns the ids of a text that EncodeIDs made.
func DecodeIDs(text string) []string { return strings.Fields(text) }
