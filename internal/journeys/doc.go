// Package journeys holds the cases that entry, exits, waits, dates, windows, splits and sent
// events must pass. Each case runs on every store. Those for killed also run with a process that
// dies before, and after, each of its commits, after which another process goes on.
//
// Package scenario has the tests of single behaviours, on the store in memory.
package journeys
