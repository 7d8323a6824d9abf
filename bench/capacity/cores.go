package main

import (
	"fmt"
	"strings"

	"github.com/seed-b636437c/automation/bench/chart"
	"github.com/seed-b636437c/automation/bench/figures"
	"github.com/seed-b636437c/automation/bench/model"
)

// rated is a store whose rate on more cores is computed.
type rated struct {
	model.Throughput
	title, colour string
	// processes returns how many processes work on a number of cores.
	processes func(cores float64) float64
}

// rate returns the runs a second on a number of cores, and what limits them.
func (r rated) rate(cores float64) (float64, string) { return r.Rate(cores, r.processes(cores)) }

// eachTwo is a process on each two cores, and one on fewer.
func eachTwo(cores float64) float64 { return max(1, cores/2) }

func alone(float64) float64 { return 1 }

// ratedStores returns the stores of which W14 was measured on machines, the smallest first.
func ratedStores(machines []model.Machine) ([]rated, error) {
	postgres, err := model.Database(machines, "automation-nodes", "postgres")
	if err != nil {
		return nil, err
	}
	all := []rated{{postgres, "Postgres", "#1f6feb", eachTwo}}
	for _, s := range []struct{ store, title, colour string }{{"sqlite", "SQLite", "#bc4c00"}, {"memory", "memory", "#57606a"}} {
		t, err := model.Process(machines, "automation", s.store)
		if err != nil {
			return nil, err
		}
		all = append(all, rated{t, s.title, s.colour, alone})
	}
	return all, nil
}

// The numbers of cores of the table, and of the curves.
var (
	tabled = []float64{1, 2, 8, 32, 96}
	drawn  = []float64{1, 2, 4, 8, 16, 32, 64, 96}
)

// rateTables returns what stores can do on more cores, and then the constants, in Markdown.
func rateTables(head map[string]string, machines []model.Machine, stores []rated) string {
	var b strings.Builder
	measured := machines[len(machines)-1].Cores
	b.WriteString("| cores |")
	for _, s := range stores {
		fmt.Fprintf(&b, " %s: runs/s | limited by |", s.title)
	}
	b.WriteString(" log of Postgres |\n| ---: |" + strings.Repeat(" ---: | --- |", len(stores)) + " ---: |\n")
	for _, cores := range tabled {
		fmt.Fprintf(&b, "| %g |", cores)
		for _, s := range stores {
			rate, limit := s.rate(cores)
			text := strings.TrimSpace(amount(rate))
			if cores > measured {
				text = "*" + text + "*"
			}
			fmt.Fprintf(&b, " %s | %s |", text, limit)
		}
		rate, _ := stores[0].rate(cores)
		fmt.Fprintf(&b, " %sB/s |\n", amount(rate*stores[0].LogBytes))
	}
	b.WriteString("\nThe constants, in µs a run, and the largest error of the computed rates: for the measured rates that the constants come from, and for the others.\n\n")
	b.WriteString("| store | processors | more with each further process | cores in use | serial part | turn of a claim | turn of the log | error, fitted | error, others |\n")
	b.WriteString("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	for _, s := range stores {
		fmt.Fprintf(&b, "| %s | %.1f | %.2f | %.0f%% | %.1f |", s.title, 1e6*s.Run, 1e6*s.Join, 100*s.Used, 1e6*s.Serial)
		for _, name := range []string{model.Claims, model.Log} {
			fmt.Fprintf(&b, " %s |", turnOf(s.Throughput, name))
		}
		fmt.Fprintf(&b, " %.0f%% | %s |\n", 100*model.Worst(s.Fitted), others(s.Others))
	}
	fmt.Fprintf(&b, "\nMeasured on %s, with one core and with %g, %.10s.\n", head["cpu"], measured, head["date"])
	return b.String()
}

// turnOf returns how long a run has a turn, and how many runs a second that allows.
func turnOf(t model.Throughput, name string) string {
	for _, turn := range t.Turns {
		if turn.Name == name && turn.Seconds > 0 {
			return fmt.Sprintf("%.2f (%s runs/s)", 1e6*turn.Seconds, strings.TrimSpace(amount(1/turn.Seconds)))
		}
	}
	return "–"
}

// others returns the largest error of the rates that the model does not know, and how many there are.
func others(checks []model.Check) string {
	if len(checks) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f%% of %d", 100*model.Worst(checks), len(checks))
}

// rateCurves returns a panel with what was measured, and what the model computes.
func rateCurves(stores []rated) chart.Panel {
	p := chart.Panel{Title: "Complete runs a second, by cores", X: "cores", Y: "runs/s", LogX: true, LogY: true}
	for _, s := range stores {
		computed, measured := chart.Series{Colour: s.colour, Computed: true}, chart.Series{Colour: s.colour}
		for _, cores := range drawn {
			rate, _ := s.rate(cores)
			computed.Points = append(computed.Points, chart.Point{X: cores, Y: rate})
		}
		for _, c := range s.Fitted {
			if c.Nodes == s.processes(c.Cores) {
				measured.Points = append(measured.Points, chart.Point{X: c.Cores, Y: c.Measured})
			}
		}
		p.Series = append(p.Series, computed, measured)
	}
	return p
}

// machinesOf opens the figures of W14, those of the smallest machine first.
func machinesOf(paths []string) (machines []model.Machine, head map[string]string, err error) {
	for _, path := range paths {
		f, err := figures.Open(path)
		if err != nil {
			return nil, nil, err
		}
		m, err := model.MachineOf(f)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
		machines, head = append(machines, m), f.Head
	}
	return machines, head, nil
}
