// Command plot draws the cost curves from the figures that bench has written with
// -out:
//
//	go run ./plot figures.txt > curve.svg
//
// It draws medians of this library's works w3 and w1: how fast runs are made and
// woken, and what heap the process has, while more and more of them wait; and how
// fast runs are taken by more and more nodes.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
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
	file, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer file.Close()
	f, err := read(file)
	if err != nil {
		return err
	}
	return draw(w, f)
}
