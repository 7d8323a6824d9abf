package record

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// EncodeTimes returns times for a column, in microseconds since 1970.
func EncodeTimes(times []time.Time) string {
	var text strings.Builder
	for i, t := range times {
		if i > 0 {
			text.WriteByte(' ')
		}
		text.WriteString(strconv.FormatInt(t.UnixMicro(), 10))
	}
	return text.String()
}

// DecodeTimes is the inverse of EncodeTimes.
func DecodeTimes(text string) ([]time.Time, error) {
	var times []time.Time
	for field := range strings.FieldsSeq(text) {
		micros, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%w: the time %q", ErrDamaged, field)
		}
		times = append(times, time.UnixMicro(micros).UTC())
	}
	return times, nil
}
