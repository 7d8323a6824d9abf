package main

import (
	"fmt"
	"os"
	"testing"
)

// host is what the throw-away Postgres of the library's tests wants of a test:
// somebody to tell of failures, and to do what is to be done at the end. Failures
// panic, because whoever reports one must not go on.
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

// end does what was left for the end, the last first.
func (h *host) end() {
	for len(h.cleanups) > 0 {
		last := len(h.cleanups) - 1
		f := h.cleanups[last]
		h.cleanups = h.cleanups[:last]
		f()
	}
}
