package httpapi

import (
	"fmt"

	"github.com/seed-b636437c/automation"
)

// lostFields returns the error of a change of the graph that takes the window from an email whose
// step keeps its key. Clients of Resend that send only the fields that they know would take it
// away without a word, and emails would leave by night.
func lostFields(old, changed []automation.Step) error {
	windows := map[string]bool{}
	for _, step := range old {
		if email, ok := step.Config.(automation.SendEmail); ok && !email.Window.IsZero() {
			windows[step.Key] = true
		}
	}
	var lost automation.Problems
	for i, step := range changed {
		if email, ok := step.Config.(automation.SendEmail); ok && email.Window.IsZero() && windows[step.Key] {
			lost.Add(automation.CodeFieldsLost, fmt.Sprintf("steps[%d].config.window", i),
				"the change would take the window from the email: send the window too, or add ?replace=true to the URL to remove it")
		}
	}
	return lost.Err("automation")
}
