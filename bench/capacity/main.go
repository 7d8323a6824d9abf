// Command capacity writes what runs in progress cost, from one thousand to a billion, and how many
// complete runs a second more cores do, into a page and as curves:
//
//	go run ./capacity ../docs/scaling.md ../docs/scaling.svg model/measured.txt model/cores-1.txt model/cores-2.txt
//
// The first figures are those that bench writes with -out for the works w4 and w7, and the others those
// for w14 on machines with different numbers of cores, the smallest first. Without the others the page
// has no rates.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/seed-b636437c/automation/bench/chart"
	"github.com/seed-b636437c/automation/bench/figures"
	"github.com/seed-b636437c/automation/bench/model"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, w io.Writer) error {
	if len(args) < 3 {
		return errors.New("usage: go run ./capacity page.md curves.svg figures.txt [cores.txt...]")
	}
	m, err := measure(args[2], args[3:])
	if err != nil {
		return err
	}
	page, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	text, err := m.page(string(page))
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	if err := os.WriteFile(args[0], []byte(text), 0o644); err != nil {
		return err
	}
	svg, err := os.Create(args[1])
	if err != nil {
		return err
	}
	fmt.Fprint(w, m.costs(), "\n", m.rates())
	return errors.Join(m.drawing().Draw(svg), svg.Close())
}

// measurement is what was measured, and the models of it.
type measurement struct {
	figures  figures.Figures
	stores   []kind
	head     map[string]string // of the largest machine
	machines []model.Machine
	rated    []rated
}

func measure(path string, cores []string) (m measurement, err error) {
	if m.figures, err = figures.Open(path); err != nil {
		return m, err
	}
	if m.stores, err = measuredStores(m.figures); err != nil {
		return m, err
	}
	if len(cores) == 0 {
		return m, nil
	}
	if m.machines, m.head, err = machinesOf(cores); err != nil {
		return m, err
	}
	m.rated, err = ratedStores(m.machines)
	return m, err
}

func (m measurement) costs() string { return tables(m.figures, m.stores) }

func (m measurement) rates() string {
	if len(m.rated) == 0 {
		return "Not measured yet: `make capacity-cores` does.\n"
	}
	return rateTables(m.head, m.machines, m.rated)
}

// drawing returns all panels.
func (m measurement) drawing() chart.Drawing {
	d := curves(m.figures, m.stores)
	if len(m.rated) == 0 {
		return d
	}
	for _, s := range m.rated[1:] {
		d.Legend = append(d.Legend, chart.Series{Name: s.title, Colour: s.colour})
	}
	d.Panels = append(d.Panels, rateCurves(m.rated))
	return d
}

// page returns a page with the tables in the place of those that it has.
func (m measurement) page(text string) (string, error) {
	text, err := withTables(text, "costs", m.costs())
	if err != nil {
		return "", err
	}
	return withTables(text, "rates", m.rates())
}

// withTables returns a page with tables between the comments with a name.
func withTables(page, name, tables string) (string, error) {
	begin, end := fmt.Sprintf(beginTables, name), fmt.Sprintf(endTables, name)
	before, rest, found := strings.Cut(page, begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return "", fmt.Errorf("there is no place for the tables: %q and %q", begin, end)
	}
	return before + begin + "\n" + tables + "\n" + end + after, nil
}

// The comments of the page between which tables are.
const (
	beginTables = "<!-- the tables of %s are written by make capacity -->\n"
	endTables   = "<!-- end of the tables of %s -->\n"
)
