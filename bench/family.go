package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// familyTime returns the processor time of a process and of its children, those that have ended
// included. It is 0 without /proc, which only Linux has. Other work of the machine is not in it.
func familyTime(pid int) time.Duration {
	paths, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is valid
	var ticks int64
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		p, ok := parseProcess(string(text))
		switch {
		case !ok:
		case p.id == pid:
			ticks += p.own + p.ended
		case p.parent == pid:
			ticks += p.own
		}
	}
	return time.Duration(ticks) * tick
}

// parentOf returns the process that started a process, and 0 without /proc.
func parentOf(pid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	p, _ := parseProcess(string(text))
	return p.parent
}

// process is the processor time of a process, in ticks, and that of its children that have ended.
type process struct {
	id, parent int
	own, ended int64
}

// parseProcess parses the text of /proc/<pid>/stat. The name of the command is in parentheses, and may have
// spaces and parentheses itself.
func parseProcess(stat string) (p process, ok bool) {
	end := strings.LastIndex(stat, ")")
	id, _, found := strings.Cut(stat, " (")
	if end < 0 || !found {
		return p, false
	}
	const parent, user, system, endedUser, endedSystem = 1, 11, 12, 13, 14
	fields := strings.Fields(stat[end+1:])
	if len(fields) <= endedSystem {
		return p, false
	}
	var errs []error
	number := func(text string) int64 {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			errs = append(errs, err)
		}
		return n
	}
	p = process{
		id: int(number(id)), parent: int(number(fields[parent])),
		own: number(fields[user]) + number(fields[system]), ended: number(fields[endedUser]) + number(fields[endedSystem]),
	}
	return p, len(errs) == 0
}
