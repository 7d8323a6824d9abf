package sqlite

import (
	"fmt"
	"math"
	"time"
)

// timestamp is a column with a time that is never NULL. The zero time is a number like
// any other.
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

// nullTime is a column with a time. NULL is the zero time.
type nullTime struct{ time.Time }

// Scan implements sql.Scanner.
func (m *nullTime) Scan(column any) error {
	if column == nil {
		m.Time = time.Time{}
		return nil
	}
	return (*timestamp)(m).Scan(column)
}

// timeOrNull returns a time for a column, NULL for the zero time.
func timeOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// trueOrNull returns 1 or NULL for a column.
func trueOrNull(b bool) any {
	if !b {
		return nil
	}
	return 1
}

// textOrNull returns a text for a column, NULL for "".
func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// bytesOrNull returns bytes for a column, NULL for nil. Some drivers would write nil
// bytes as an empty BLOB.
func bytesOrNull(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

// nullText is a column with a text. NULL is "".
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

// small returns n, or the greatest number that every store can hold.
func small(n int) int { return min(n, math.MaxInt16) }
