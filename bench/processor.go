package main

import (
	"context"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// processorTime is the time for which processors have worked.
type processorTime struct {
	process time.Duration // for this process
	machine time.Duration // for all processes and for the system; 0 without /proc/stat
}

// spentSoFar returns the processor time since this process and the machine started.
func spentSoFar() processorTime {
	text, _ := os.ReadFile("/proc/stat") // only Linux has it
	return processorTime{process: ownTime(), machine: machineTime(string(text))}
}

// ownTime returns the processor time of this process, in its own code and in the system.
func ownTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// tick is the unit of /proc/stat.
const tick = time.Second / 100

// machineTime returns the processor time in the text of /proc/stat, and 0 if the text has none. It
// leaves out the time for which processors were idle, waited for a disk, or were lent to another
// virtual machine.
func machineTime(stat string) time.Duration {
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	if len(fields) == 0 || fields[0] != "cpu" {
		return 0
	}
	const user, nice, system, irq, softirq = 1, 2, 3, 6, 7 // user includes the time of guests
	var ticks int64
	for _, column := range []int{user, nice, system, irq, softirq} {
		if column >= len(fields) {
			break // an old kernel
		}
		n, err := strconv.ParseInt(fields[column], 10, 64)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * tick
}

// since returns the time after an earlier one.
func (t processorTime) since(before processorTime) processorTime {
	return processorTime{t.process - before.process, t.machine - before.machine}
}

// plus returns the sum.
func (t processorTime) plus(other processorTime) processorTime {
	return processorTime{t.process + other.process, t.machine + other.machine}
}

// perRun returns what each of n runs cost since an earlier time.
func (t processorTime) perRun(before processorTime, n int) []value {
	per := func(d time.Duration) float64 { return d.Seconds() * 1e6 / float64(n) }
	values := []value{{per(t.process - before.process), "process-µs/run"}}
	if t.machine > 0 {
		values = append(values, value{per(t.machine - before.machine), "machine-µs/run"})
	}
	return values
}

// clocked calls do, which performs n runs. It returns how long that took, and the processor time of
// a run. It writes profiles if the cell has a folder for them.
func (b *bench) clocked(ctx context.Context, n int, do func() error) (took time.Duration, spent []value, err error) {
	err = b.profiled(ctx, n, func() error {
		before, began := spentSoFar(), time.Now()
		err := do()
		took, spent = time.Since(began), spentSoFar().perRun(before, n)
		return err
	})
	return took, spent, err
}
