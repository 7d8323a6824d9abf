package model

import (
	"fmt"
	"math"

	"github.com/seed-b636437c/automation/bench/figures"
)

// Throughput computes how many complete runs a second a store can do on a machine. It follows Amdahl's
// law for what a run does alone, and the utilisation law for what runs share: the runs a second times
// the seconds for which a run keeps something busy are at most one.
type Throughput struct {
	Store string
	// Run are the core-seconds of a run, of all processes including the database, while one process
	// works. With each further process a run takes Join more.
	Run, Join float64
	// Serial are the seconds of a run that more cores do not shorten.
	Serial float64
	// Used is the share of the cores that works at the top rate.
	Used float64
	// Turns are what runs take in turns, whatever the cores.
	Turns []Turn
	// LogBytes are the bytes of the database's log for a run, and 0 without one.
	LogBytes float64
	// Fitted and Others are the measured points with what the model computes for them: those that the
	// constants come from, and the rest.
	Fitted, Others []Check
}

// Turn is what one run at a time can have, and for how many seconds a run has it.
type Turn struct {
	Name    string
	Seconds float64
}

// Check is a measured rate, and what the model computes for it.
type Check struct {
	Cores, Nodes       float64
	Measured, Computed float64
}

// Error returns the difference between the two as a share of the measured rate.
func (c Check) Error() float64 { return math.Abs(c.Computed-c.Measured) / c.Measured }

// Worst returns the largest error of checks.
func Worst(checks []Check) float64 {
	worst := 0.0
	for _, c := range checks {
		worst = max(worst, c.Error())
	}
	return worst
}

// What limits a rate: processors, which more cores move; what a run does alone; and turns.
const (
	Processors = "processors"
	Alone      = "its serial part"
	Claims     = "turns of claims"
	Log        = "turns of the log"
)

// Rate returns the runs a second on a number of cores with a number of processes, and what limits them.
func (t Throughput) Rate(cores, nodes float64) (rate float64, limit string) {
	shared := (t.Run + t.Join*(nodes-1)) / (t.Used * cores)
	rate, limit = 1/(t.Serial+shared), Processors
	if t.Serial > shared {
		limit = Alone
	}
	for _, turn := range t.Turns {
		if turn.Seconds*rate > 1 {
			rate, limit = 1/turn.Seconds, turn.Name
		}
	}
	return rate, limit
}

// Machine is the figures of W14 on a number of cores.
type Machine struct {
	Cores   float64
	figures figures.Figures
}

// MachineOf returns the machine of figures. The error is that the figures have no number of cores.
func MachineOf(f figures.Figures) (Machine, error) {
	m := Machine{figures: f}
	if _, err := fmt.Sscan(f.Head["cores"], &m.Cores); err != nil {
		return m, fmt.Errorf("model: number of cores: %w", err)
	}
	return m, nil
}

// rates returns the runs a second by the number of processes.
func (m Machine) rates(engine, store string) []figures.Point {
	return m.figures.Curve(figures.Key{Work: "W14", Engine: engine, Store: store, Unit: "runs/s"})
}

// seconds returns a figure in µs a run as seconds.
func (m Machine) seconds(engine, store, unit string, nodes float64) (float64, error) {
	v, ok := m.figures.Median(figures.Key{Work: "W14", Engine: engine, Store: store, X: nodes, Unit: unit})
	if !ok {
		return 0, fmt.Errorf("model: there is no %s of W14 for %s on %s with %g processes and %g cores", unit, engine, store, nodes, m.Cores)
	}
	return v / 1e6, nil
}

// run returns the core-seconds of a run, of the nodes and the server.
func (m Machine) run(engine, store string, nodes float64) (float64, error) {
	nodesTime, err := m.seconds(engine, store, "engine-µs/run", nodes)
	if err != nil {
		return 0, err
	}
	server, err := m.seconds(engine, store, "server-µs/run", nodes)
	return nodesTime + server, err
}

// Database returns the model of a store on a server, from machines with different numbers of cores, the
// smallest first. The constants come from the fewest and the most processes on the largest machine, and
// from one process on the others. The turns are those with the fewest processes: with more of them than
// cores, a claim keeps its turn while it waits for a core, which a larger machine would give it.
func Database(machines []Machine, engine, store string) (Throughput, error) {
	t := Throughput{Store: store}
	largest := machines[len(machines)-1]
	rates := largest.rates(engine, store)
	if len(rates) < 2 {
		return t, fmt.Errorf("model: W14 of %s on %s has fewer than two numbers of processes", engine, store)
	}
	few, many := rates[0], rates[len(rates)-1]
	one, err := largest.run(engine, store, few.X)
	if err != nil {
		return t, err
	}
	all, err := largest.run(engine, store, many.X)
	if err != nil {
		return t, err
	}
	t.Join = max(0, (all-one)/(many.X-few.X))
	t.Run = one - t.Join*(few.X-1)
	for _, turn := range []struct{ name, unit string }{{Claims, "claim-held-µs/run"}, {Log, "log-held-µs/run"}} {
		s, err := largest.seconds(engine, store, turn.unit, few.X)
		if err != nil {
			return t, err
		}
		if s == 0 {
			return t, fmt.Errorf("model: %s of W14 for %s on %s was never seen above zero: has what it looks for another name now?", turn.unit, engine, store)
		}
		t.Turns = append(t.Turns, Turn{turn.name, s})
	}
	t.LogBytes, _ = largest.figures.Median(figures.Key{Work: "W14", Engine: engine, Store: store, X: few.X, Unit: "log-B/run"})
	fitted := func(m Machine, p figures.Point) bool {
		return m.Cores == largest.Cores && (p == few || p == many) || m.Cores != largest.Cores && p.X == 1
	}
	if t.Used, err = used(machines, engine, store, fitted); err != nil {
		return t, err
	}
	t.check(machines, engine, fitted)
	return t, nil
}

// used returns the mean share of the cores that worked.
func used(machines []Machine, engine, store string, fitted func(Machine, figures.Point) bool) (float64, error) {
	sum, n := 0.0, 0.0
	for _, m := range machines {
		for _, p := range m.rates(engine, store) {
			if !fitted(m, p) {
				continue
			}
			run, err := m.run(engine, store, p.X)
			if err != nil {
				return 0, err
			}
			sum += p.Y * run / m.Cores
			n++
		}
	}
	return sum / n, nil
}

// Process returns the model of a store in the process, by Amdahl's law, from two machines, the smaller
// first: a run has a serial part, and another part that cores share.
func Process(machines []Machine, engine, store string) (Throughput, error) {
	t := Throughput{Store: store}
	if len(machines) != 2 {
		return t, fmt.Errorf("model: Amdahl's law needs two machines, and there are %d", len(machines))
	}
	var times [2]float64
	for i, m := range machines {
		rates := m.rates(engine, store)
		if len(rates) == 0 {
			return t, fmt.Errorf("model: there is no W14 of %s on %s with %g cores", engine, store, m.Cores)
		}
		times[i] = 1 / rates[0].Y
	}
	c1, c2 := machines[0].Cores, machines[1].Cores
	shared := max(0, (times[0]-times[1])/(1/c1-1/c2))
	serial := max(0, times[1]-shared/c2)
	t.Run, t.Serial, t.Used = shared, serial, 1
	t.check(machines, engine, func(Machine, figures.Point) bool { return true })
	return t, nil
}

// check computes the rates that were measured. The constants come from those that are fitted.
func (t *Throughput) check(machines []Machine, engine string, fitted func(Machine, figures.Point) bool) {
	for _, m := range machines {
		for _, p := range m.rates(engine, t.Store) {
			computed, _ := t.Rate(m.Cores, p.X)
			c := Check{m.Cores, p.X, p.Y, computed}
			if fitted(m, p) {
				t.Fitted = append(t.Fitted, c)
			} else {
				t.Others = append(t.Others, c)
			}
		}
	}
}
