package diagram_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/diagram"
)

// A picture of an automation, whose steps are links.
func ExampleSVG() {
	svg := diagram.SVG(welcome, diagram.Options{
		Link: func(key string) string { return "?step=" + key },
	})
	fmt.Println(strings.Count(svg, "<a "), "steps")
	fmt.Println(strings.Contains(svg, `href="?step=hello"><title>hello, send email: hello</title>`))
	// Output:
	// 4 steps
	// true
}

// The README's automation, as Markdown shows it.
func ExampleMermaid() {
	fmt.Print(diagram.Mermaid(welcome, diagram.Options{}))
	// Output:
	// flowchart TB
	//   s0(["signup<br>on user.created"])
	//   s1["hello<br>hello"]
	//   s2("pause<br>3 days")
	//   s3["nudge<br>nudge"]
	//   s0 --> s1
	//   s1 --> s2
	//   s2 --> s3
}

// A run in its pause, for Graphviz.
func ExampleDOT() {
	run := automation.Run{Status: automation.RunRunning, Step: "pause", Steps: []automation.StepRun{
		{Key: "signup", Status: automation.StepCompleted, StartedAt: time.Now()},
		{Key: "hello", Status: automation.StepCompleted, StartedAt: time.Now()},
		{Key: "pause", Status: automation.StepWaiting, StartedAt: time.Now()},
		{Key: "nudge", Status: automation.StepPending},
	}}
	text := diagram.DOT(welcome, diagram.Options{Run: &run})
	for line := range strings.Lines(text) {
		if strings.Contains(line, "->") {
			fmt.Print(strings.TrimSpace(line), "\n")
		}
	}
	// Output:
	// s0 -> s1 [class=taken, color="#1f9d5b", fontcolor="#12703f", penwidth=2.5];
	// s1 -> s2 [class=taken, color="#1f9d5b", fontcolor="#12703f", penwidth=2.5];
	// s2 -> s3 [style=dashed];
}
