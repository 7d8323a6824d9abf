package diagram

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/seed-b636437c/automation"
)

// DescribeEntry returns the rules of entry in the words of the drawings, one rule a line, such
// as "only if event.total > 0". It returns nil for nil.
func DescribeEntry(e *automation.Entry) []string {
	if e == nil {
		return nil
	}
	var lines []string
	for _, t := range e.Triggers {
		lines = append(lines, "also on "+t.EventName+ifRule(t.FilterRule))
	}
	if !e.FilterRule.IsZero() {
		lines = append(lines, "only"+ifRule(e.FilterRule))
	}
	if !e.AudienceRule.IsZero() {
		lines = append(lines, "audience: "+ruleText(e.AudienceRule, 0))
	}
	if line := reentryText(e.Reentry); line != "" {
		lines = append(lines, line)
	}
	return plainLines(lines)
}

// DescribeExit returns what ends a run in the words of the drawings, one rule a line, such as
// "ends on order.paid". It returns nil for nil.
func DescribeExit(x *automation.Exit) []string {
	if x == nil {
		return nil
	}
	var lines []string
	for _, l := range x.Events {
		lines = append(lines, "ends on "+listenerText(l))
	}
	if !x.WhileRule.IsZero() {
		lines = append(lines, "ends unless "+ruleText(x.WhileRule, 0))
	}
	if !x.MaxAge.IsZero() {
		lines = append(lines, "ends after "+x.MaxAge.String())
	}
	return plainLines(lines)
}

func plainLines(lines []string) []string {
	for i := range lines {
		lines[i] = plain(lines[i])
	}
	return lines
}

// reentryText describes r, such as "per cart_id: restarts, 3 times in 30 days".
func reentryText(r automation.Reentry) string {
	key := strings.TrimPrefix(r.Key, "event.")
	var parts []string
	switch r.WhileRunning {
	case "", automation.ReentryParallel:
	case automation.ReentryIgnore:
		parts = append(parts, "one at a time")
	case automation.ReentryRestart:
		parts = append(parts, "restarts")
	default:
		parts = append(parts, string(r.WhileRunning))
	}
	if r.Limit > 0 {
		times := "once"
		if r.Limit > 1 {
			times = fmt.Sprintf("%d times", r.Limit)
		}
		if !r.Per.IsZero() {
			times += " in " + r.Per.String()
		}
		parts = append(parts, times)
	}
	if len(parts) == 0 {
		if r.Key == "" {
			return ""
		}
		return "only with " + key
	}
	return "per " + cmp.Or(key, "contact") + ": " + strings.Join(parts, ", ")
}

// listenerText describes the events that l matches, such as "order.paid with the same cart_id".
func listenerText(l automation.Listener) string {
	var same, equal []string
	for _, m := range l.Match {
		if m.Run == "" {
			same = append(same, m.Event)
		} else {
			equal = append(equal, m.Event+" = "+m.Run)
		}
	}
	if len(same) > 0 {
		equal = append([]string{"the same " + strings.Join(same, ", ")}, equal...)
	}
	text := l.EventName
	if len(equal) > 0 {
		text += " with " + strings.Join(equal, ", ")
	}
	return text + ifRule(l.FilterRule)
}

func ifRule(r automation.Rule) string {
	if r.IsZero() {
		return ""
	}
	return " if " + ruleText(r, 0)
}
