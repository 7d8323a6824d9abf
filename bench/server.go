package main

import (
	"fmt"
	"os"
	"testing"
)

// host takes the place of a test for pgtest: it reports failures, and runs clean-up functions
// at its end. A failure panics, because the code that reports it must not continue.
type host struct {
	testing.TB
	cleanups []func()
}

func (h *host) Helper() {}

func (h *host) Cleanup(f func()) { h.cleanups = append(h.cleanups, f) }

func (h *host) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func (h *host) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (h *host) Error(args ...any) { fmt.Fprintln(os.Stderr, args...) }

func (h *host) Errorf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// end runs the clean-up functions, the last one first.
func (h *host) end() {
	for len(h.cleanups) > 0 {
		last := len(h.cleanups) - 1
		f := h.cleanups[last]
		h.cleanups = h.cleanups[:last]
		f()
	}
}
