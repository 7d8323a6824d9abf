// Command plot draws the cost curves from the figures that bench writes with -out:
//
//	go run ./plot figures.txt > curve.svg
//
// It draws medians of this library's works w3 and w1: how fast runs are started and woken,
// and the heap of the process, by the number of waiting runs; and how fast runs are
// performed, by the number of nodes.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/seed-b636437c/automation/bench/figures"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, w io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: go run ./plot figures.txt > curve.svg")
	}
	f, err := figures.Open(args[0])
	if err != nil {
		return err
	}
	return drawing(f).Draw(w)
}
