// Package options validates the arguments of constructors and fills in defaults. Every
// constructor reports all problems of its arguments together.
package options

import (
	"fmt"
	"math"
	"time"

	"github.com/seed-b636437c/automation/internal/nilness"
)

// Problems is the list that a Check adds to. *automation.Problems implements it, with
// automation.Code for C; this package cannot import that one.
type Problems[C ~string] interface {
	Add(code C, path, format string, args ...any)
}

// Check adds to a list of problems what is wrong with options. The path of a problem is
// the name of the option, such as "Timeout" or "Rate.Burst".
type Check struct{ report func(path, message string) }

// New returns a Check that adds to problems with this code.
func New[C ~string](problems Problems[C], code C) *Check {
	return &Check{report: func(path, message string) { problems.Add(code, path, "%s", message) }}
}

// Add adds a problem.
func (c *Check) Add(path, format string, args ...any) {
	c.report(path, fmt.Sprintf(format, args...))
}

// Required refuses nil, and what NotNilPointer refuses.
func (c *Check) Required(path string, dependency any) {
	if dependency == nil {
		c.Add(path, "is required")
		return
	}
	c.NotNilPointer(path, dependency)
}

// NotNilPointer refuses an interface that holds a nil pointer, map, function or channel.
// Such an interface is not nil itself, so the first call through it would panic.
func (c *Check) NotNilPointer(path string, dependency any) {
	if nilness.Hidden(dependency) {
		c.Add(path, "is a nil %T: give one that works", dependency)
	}
}

// NotNegative refuses a number below zero.
func (c *Check) NotNegative(path string, n int) { c.notNegative(path, n < 0, n) }

// DurationNotNegative refuses a duration below zero.
func (c *Check) DurationNotNegative(path string, d time.Duration) { c.notNegative(path, d < 0, d) }

// Count refuses a number below zero, and replaces zero by def.
func (c *Check) Count(path string, n *int, def int) {
	c.NotNegative(path, *n)
	setDefault(n, def)
}

// Bytes is Count for a size in bytes.
func (c *Check) Bytes(path string, n *int64, def int64) {
	c.notNegative(path, *n < 0, *n)
	setDefault(n, def)
}

// Duration refuses a duration below zero, and replaces zero by def.
func (c *Check) Duration(path string, d *time.Duration, def time.Duration) {
	c.DurationNotNegative(path, *d)
	setDefault(d, def)
}

// Rate refuses a number of events a second that is negative, infinite or not a number.
// Zero means no limit.
func (c *Check) Rate(path string, perSecond float64) {
	if !(perSecond >= 0) || math.IsInf(perSecond, 1) { // NaN is not >= 0
		c.Add(path, "%v is not a rate: give zero for no limit, or more", perSecond)
	}
}

func (c *Check) notNegative(path string, negative bool, value any) {
	if negative {
		c.Add(path, "%v is negative: give zero for the default, or more", value)
	}
}

func setDefault[T comparable](option *T, def T) {
	var zero T
	if *option == zero {
		*option = def
	}
}
