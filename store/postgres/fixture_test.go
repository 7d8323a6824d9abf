package postgres_test

import (
	"fmt"
	"sync/atomic"
)

var schemas atomic.Int64

// freshSchema returns the name of a schema that no other test uses.
func freshSchema() string { return fmt.Sprintf("s%d", schemas.Add(1)) }
