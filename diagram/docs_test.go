package diagram_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/automationtest"
	"github.com/seed-b636437c/automation/diagram"
)

var mermaidBlock = regexp.MustCompile("(?s)```mermaid\n.*?```")

// The page shows what the code draws. With -update it is written anew.
func TestDocs_ShowWhatIsDrawn(t *testing.T) {
	t.Parallel()
	a := automationtest.Load(t, "../examples/welcome/automation.json", nil)
	run := waitingRun(t, a)
	svg := diagram.SVG(a, diagram.Options{Run: &run})
	golden(t, "../docs/welcome-run.svg", svg)
	golden(t, "../docs/welcome.svg", diagram.SVG(a, diagram.Options{}))

	page, err := os.ReadFile("../docs/diagrams.md")
	require.NoError(t, err)
	text := "```mermaid\n" + diagram.Mermaid(a, diagram.Options{}) + "```"
	golden(t, "../docs/diagrams.md", mermaidBlock.ReplaceAllLiteralString(string(page), text))
}

// waitingRun returns a run of the welcome series that waits for an event.
func waitingRun(t *testing.T, a automation.Automation) automation.Run {
	t.Helper()
	h := automationtest.New(t, automationtest.Options{}, a)
	h.Send("user.created", "ada@example.com", map[string]any{"plan": "pro"})
	return h.Run("ada@example.com", a.Name).Get()
}
