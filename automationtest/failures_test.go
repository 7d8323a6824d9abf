package automationtest_test

import (
	"fmt"
	"io"
)

// printer is a TB that prints its messages.
type printer struct {
	out     io.Writer
	failed  bool
	cleanup []func()
}

func (p *printer) Helper() {}

func (p *printer) Errorf(format string, args ...any) {
	p.failed = true
	fmt.Fprintf(p.out, "error: "+format+"\n", args...)
}

// fatal is the value that Fatalf panics with, because Fatalf must not return.
type fatal string

func (p *printer) Fatalf(format string, args ...any) {
	p.failed = true
	panic(fatal(fmt.Sprintf(format, args...)))
}

func (p *printer) Logf(format string, args ...any) { fmt.Fprintf(p.out, format+"\n", args...) }

func (p *printer) Failed() bool { return p.failed }

func (p *printer) Cleanup(do func()) { p.cleanup = append(p.cleanup, do) }

// end runs the clean-up functions, as package testing does at the end of a test.
func (p *printer) end() {
	for _, do := range p.cleanup {
		do()
	}
}

// fatally returns the message with which do ends the test, or "".
func fatally(do func()) (message string) {
	defer func() {
		if f, ok := recover().(fatal); ok {
			message = string(f)
		}
	}()
	do()
	return ""
}
