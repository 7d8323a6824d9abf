package sqlite

import (
	"fmt"
	"math"
	"time"
)

// moment is a time that is always there. The zero time is a number like any other.
type timestamp struct{ time.Time }

// Scan implements sql.Scanner.
func (m *timestamp) Scan(column any) error {
	micros, ok := column.(int64)
	if !ok {
		return fmt.Errorf("a time of type %T", column)
	}
	m.Time = time.UnixMicro(micros).UTC()
	return nil
}

// maybe is a time that may not be set: its column is NULL then.
type nullTime struct{ time.Time }

// Scan implements sql.Scanner.
func (m *nullTime) Scan(column any) error {
	if column == nil {
		m.Time = time.Time{}
		return nil
	}
	return (*timestamp)(m).Scan(column)
}

// orNull returns what the column of a time holds that may not be set.
func timeOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// textOrNull returns what the column of a text holds that may not be set.
func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// bytesOrNull is for drivers that keep nil as an empty BLOB.
func bytesOrNull(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

// text is a column that may be NULL, which is "".
type nullText string

// Scan implements sql.Scanner.
func (t *nullText) Scan(column any) error {
	switch c := column.(type) {
	case nil:
		*t = ""
	case string:
		*t = nullText(c)
	case []byte:
		*t = nullText(c)
	default:
		return fmt.Errorf("a text of type %T", column)
	}
	return nil
}

// small keeps a counter within what every store can hold.
func small(n int) int { return min(n, math.MaxInt16) }
