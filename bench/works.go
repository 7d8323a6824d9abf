package main

import "context"

// work is what contestants are measured at.
type work struct {
	name, title string
	do          func(context.Context, *bench) error // nil for w6, which needs no engine
	// alone is whether the work is done only if the flag -work names it.
	alone bool
	// model is whether the work is for package model, and not to compare contestants.
	model bool
}

// works are all works, in the order of the tables.
var works = []work{
	{name: "w1", title: "complete runs: condition, contact update, email", do: w1},
	{name: "w2", title: "runs that sleep for 30 days", do: w2},
	{name: "w3", title: "an event to one of many waiting runs", do: w3},
	{name: "w4", title: "timers that are due in the same second", do: w4},
	{name: "w5", title: "what an operator's page asks", do: w5},
	{name: "w6", title: "a condition of eight rules"},
	{name: "w7", title: "sleeping runs as they grow", do: w7, model: true},
	{name: "w8", title: "complete runs at half of the top rate", do: w8},
	{name: "w9", title: "complete runs that 64 clients start over HTTP", do: w9},
	{name: "w10", title: "a campaign: one run for each of many contacts, at once", do: w10},
	{name: "w11", title: "a restart with many sleeping runs", do: w11, alone: true},
	{name: "w12", title: "removing ended runs beside complete runs", do: w12, alone: true},
	{name: "w13", title: "work beside a month of ended runs", do: w13, alone: true},
	{name: "w14", title: "complete runs, and what they share", do: w14, alone: true, model: true},
}

// workNamed returns the work with this name.
func workNamed(name string) work {
	for _, w := range works {
		if w.name == name {
			return w
		}
	}
	return work{}
}
