// Command capacity writes what runs in progress cost, from one thousand to a billion, into a page and
// as curves:
//
//	go run ./capacity model/measured.txt ../docs/scaling.md ../docs/scaling.svg
//
// The figures are those that bench writes with -out for the works w4 and w7.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/seed-b636437c/automation/bench/figures"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, w io.Writer) error {
	if len(args) != 3 {
		return errors.New("usage: go run ./capacity figures.txt page.md curves.svg")
	}
	f, err := figures.Open(args[0])
	if err != nil {
		return err
	}
	stores, err := measuredStores(f)
	if err != nil {
		return err
	}
	page, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	text, err := withTables(string(page), tables(f, stores))
	if err != nil {
		return fmt.Errorf("%s: %w", args[1], err)
	}
	if err := os.WriteFile(args[1], []byte(text), 0o644); err != nil {
		return err
	}
	svg, err := os.Create(args[2])
	if err != nil {
		return err
	}
	fmt.Fprint(w, tables(f, stores))
	return errors.Join(curves(f, stores).Draw(svg), svg.Close())
}

// The comments of the page between which the tables are.
const (
	begin = "<!-- the tables below are written by make capacity -->\n"
	end   = "<!-- end of the tables -->\n"
)

// withTables returns a page with tables in the place of those that it has.
func withTables(page, tables string) (string, error) {
	before, rest, found := strings.Cut(page, begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return "", fmt.Errorf("there is no place for the tables: %q and %q", begin, end)
	}
	return before + begin + "\n" + tables + "\n" + end + after, nil
}
