package diagram_test

import (
	"fmt"
	"strings"

	"github.com/seed-b636437c/automation/diagram"
)

// A picture of an automation.
func ExampleSVG() {
	a := welcome
	svg := diagram.SVG(a, diagram.Options{})
	fmt.Println(strings.Count(svg, `class="box"`), "steps")
	fmt.Println(strings.Contains(svg, "<title>Welcome</title>"))
	// Output:
	// 4 steps
	// true
}

// A picture of a run in a page: it has no style of its own, and its steps are links.
func ExampleSVG_page() {
	a, run := welcome, pausing
	svg := diagram.SVG(a, diagram.Options{
		Run: &run, Embedded: true, Link: func(key string) string { return "?step=" + key },
	})
	fmt.Println(strings.Contains(svg, "<style>"))
	fmt.Println(strings.Contains(svg, `href="?step=hello"><title>hello, send email: hello, completed`))
	// Output:
	// false
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
	a, run := welcome, pausing
	text := diagram.DOT(a, diagram.Options{Run: &run})
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
