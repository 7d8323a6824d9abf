package main

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
)

// usage is the memory of a process, in bytes.
type usage struct{ Heap, Resident float64 }

// processMemory collects garbage and returns the remaining memory. The resident memory is
// available on Linux only, and 0 elsewhere.
func processMemory() usage {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{Heap: float64(m.HeapAlloc), Resident: residentOf("self")}
}

// residentOf returns the resident memory of a process.
func residentOf(pid string) float64 {
	text, err := os.ReadFile("/proc/" + pid + "/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseFloat(string(fields[1]), 64)
	if err != nil {
		return 0
	}
	return pages * float64(os.Getpagesize())
}
