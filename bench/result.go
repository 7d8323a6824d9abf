package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// result is a measurement of a work, or a note in place of one.
type result struct {
	Work, Engine, Store string
	Labels              labels
	N                   int
	Values              []value
	Note                string
}

// labels are alternating names and values.
type labels []string

// value is a figure with its unit, in the terms of benchstat.
type value struct {
	Number float64
	Unit   string
}

// line returns the result as a line for benchstat.
func (r result) line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d", r.name(), r.N)
	for _, v := range r.Values {
		fmt.Fprintf(&b, " %s %s", strconv.FormatFloat(v.Number, 'f', -1, 64), v.Unit)
	}
	return b.String()
}

func (r result) name() string {
	name := "Benchmark" + r.Work + "/engine=" + r.Engine + "/store=" + r.Store
	for i := 0; i < len(r.Labels); i += 2 {
		name += "/" + r.Labels[i] + "=" + r.Labels[i+1]
	}
	return name
}

// number returns the figure with a unit, and 0 without one.
func (r result) number(unit string) float64 {
	for _, v := range r.Values {
		if v.Unit == unit {
			return v.Number
		}
	}
	return 0
}

// table collects the results of all rounds, in order.
type table struct {
	rows  []*row
	lacks []lack
	notes []string
}

// lack is the reason why a contestant is not in the table of a work.
type lack struct{ work, engine, store, why string }

func (t *table) lack(work string, c contestant, why string) {
	t.lacks = append(t.lacks, lack{work, c.Engine, c.Store, why})
}

// row is one benchmark, with its figures of all rounds by unit.
type row struct {
	result
	rounds  int
	figures map[string][]float64
}

func (t *table) add(r result) {
	if r.Note != "" {
		t.note("%s, %s on %s: %s", r.Work, r.Engine, r.Store, r.Note)
		return
	}
	i := slices.IndexFunc(t.rows, func(o *row) bool { return o.name() == r.name() })
	if i < 0 {
		i = t.place(r)
		t.rows = slices.Insert(t.rows, i, &row{result: r, figures: map[string][]float64{}})
	}
	t.rows[i].rounds++
	for _, v := range r.Values {
		t.rows[i].figures[v.Unit] = append(t.rows[i].figures[v.Unit], v.Number)
	}
}

// place returns the index of a new row: after the rows of its contestant and work.
func (t *table) place(r result) int {
	for i, o := range slices.Backward(t.rows) {
		if o.Work == r.Work && o.Engine == r.Engine && o.Store == r.Store {
			return i + 1
		}
	}
	return len(t.rows)
}

// note adds a sentence below the tables, once.
func (t *table) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(t.notes, text) {
		t.notes = append(t.notes, text)
	}
}

// write writes a table in Markdown for each work: medians, with the lowest and the highest
// figure if there were several rounds.
func (t *table) write(out io.Writer) {
	for _, w := range works {
		work := strings.ToUpper(w.name)
		rows := slices.DeleteFunc(slices.Clone(t.rows), func(r *row) bool { return r.Work != work })
		if len(rows) == 0 {
			continue
		}
		fmt.Fprintf(out, "\n### %s: %s\n\n", work, w.title)
		columns := writeRows(out, rows)
		for _, l := range t.lacks {
			if l.work == work {
				fmt.Fprintf(out, "| %s | %s | – | – | not measured: %s |%s\n", l.engine, l.store, l.why, strings.Repeat(" |", columns-1))
			}
		}
	}
	if len(t.notes) > 0 {
		fmt.Fprint(out, "\n### Notes\n\n")
	}
	for _, n := range t.notes {
		fmt.Fprintf(out, "- %s\n", n)
	}
}

// writeRows returns how many columns of figures there are.
func writeRows(w io.Writer, rows []*row) int {
	var units []string
	for _, r := range rows {
		for _, v := range r.Values {
			if !slices.Contains(units, v.Unit) {
				units = append(units, v.Unit)
			}
		}
	}
	fmt.Fprintf(w, "| engine | store | runs | rounds | %s |\n", strings.Join(units, " | "))
	fmt.Fprintf(w, "| --- | --- | --- | --- |%s\n", strings.Repeat(" --- |", len(units)))
	for _, r := range rows {
		fmt.Fprintf(w, "| %s | %s | %s | %d |", r.Engine, r.Store, r.runs(), r.rounds)
		for _, u := range units {
			fmt.Fprintf(w, " %s |", spread(r.figures[u]))
		}
		fmt.Fprintln(w)
	}
	return len(units)
}

// runs returns the number of runs of a row, and its number of nodes.
func (r *row) runs() string {
	if len(r.Labels) == 0 || r.Labels[0] == "nodes" {
		n := grouped(strconv.Itoa(r.N))
		if len(r.Labels) > 0 && r.Labels[1] != "1" {
			n += ", " + r.Labels[1] + " nodes"
		}
		return n
	}
	return grouped(r.Labels[1])
}

// spread returns the median, the lowest and the highest of figures.
func spread(figures []float64) string {
	if len(figures) == 0 {
		return "–"
	}
	sorted := slices.Sorted(slices.Values(figures))
	middle := figure((sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2)
	if len(sorted) == 1 {
		return middle
	}
	return fmt.Sprintf("**%s** (%s–%s)", middle, figure(sorted[0]), figure(sorted[len(sorted)-1]))
}

// figure writes a number with at least three significant digits.
func figure(f float64) string {
	switch {
	case f == 0:
		return "0"
	case f < 1:
		return strconv.FormatFloat(f, 'f', 3, 64)
	case f < 10:
		return strconv.FormatFloat(f, 'f', 2, 64)
	case f < 100:
		return strconv.FormatFloat(f, 'f', 1, 64)
	default:
		return grouped(strconv.FormatFloat(f, 'f', 0, 64))
	}
}

// grouped writes digits in groups of three.
func grouped(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
