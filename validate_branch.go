package automation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/nearest"
)

func (c *stepValidator) validateBranch(b Branch) {
	const path = "config.branches"
	switch n := len(b.Branches); {
	case n == 0:
		c.errorf(CodeMissingField, path, "the step has no branches: give at least one, with a name and a rule")
	case n > c.limits.Branches:
		c.errorf(CodeLimit, path, "the step has %d branches, the limit is %d: raise Limits.Branches, "+
			"or connect the default connection to a second branch step for the rest", n, c.limits.Branches)
		return
	}
	first := map[string]int{}
	for i, branch := range b.Branches {
		at := fmt.Sprintf("%s[%d]", path, i)
		c.validateBranchName(at, "branch", branch.Name, i, first)
		c.validateRule(at+".rule", branch.Rule, c.graph.triggerEvent())
	}
}

// validateBranchName validates the name of the branch at path. first has the index of the
// first branch with each name so far. what is the word for a branch.
func (c *stepValidator) validateBranchName(path, what, name string, i int, first map[string]int) {
	path += ".name"
	earlier, repeated := first[name]
	if !repeated {
		first[name] = i
	}
	switch flaw := nameFlaw(name); {
	case name == "":
		c.errorf(CodeMissingField, path, "the %s has no name: give it one, which is the type of its connection", what)
	case repeated:
		c.errorf(CodeDuplicateBranch, path, "%s %d of the step has the name %s too: give every %s a name of its own",
			what, earlier+1, jsondoc.Quote(name), what)
	case flaw != "":
		c.errorf(CodeInvalidName, path, "the name %s %s", jsondoc.Quote(name), flaw)
	case slices.Contains(reservedNames, ConnectionType(name)):
		c.errorf(CodeReservedBranchName, path, "the name %s is reserved: choose another one for the %s and its connection",
			jsondoc.Quote(name), what)
	}
}

// nameFlaw returns what is wrong with the form of a name, "" if nothing is.
func nameFlaw(name string) string {
	if len(name) > maxNameBytes {
		return fmt.Sprintf("has %d bytes, the limit is %d: shorten it", len(name), maxNameBytes)
	}
	return characterFlaw(name)
}

// validateArms warns about branches that lead nowhere.
func (c *stepValidator) validateArms(b Branch) {
	if c.hasForeignConnection(b.Outcomes()) {
		return
	}
	for i, branch := range b.Branches {
		if branch.Name != "" && !c.meant.hasBranch(c.i, ConnectionType(branch.Name)) {
			c.warnf(CodeBranchUnconnected, fmt.Sprintf("config.branches[%d]", i), "the run ends if it takes the branch %s: "+
				"add a connection of type %s unless that is meant", jsondoc.Quote(branch.Name), jsondoc.Quote(branch.Name))
		}
	}
	if !c.meant.hasBranch(c.i, ConnectionDefault) {
		c.warnf(CodeNoElse, "", "the run ends if no rule holds: add a connection of type %q unless that is meant", ConnectionDefault)
	}
	c.validateMeeting(b.Outcomes())
}

// hasForeignConnection reports whether a connection leaves the step whose type is none of
// these. Most likely it is a misspelt one, and explains why a branch leads nowhere.
func (c *stepValidator) hasForeignConnection(outcomes []ConnectionType) bool {
	return slices.ContainsFunc(c.meant.out(c.i), func(l link) bool { return !slices.Contains(outcomes, l.typ) })
}

// validateMeeting warns if all of these outcomes of the step lead to the same step. Some of
// them may well do so.
func (c *stepValidator) validateMeeting(outcomes []ConnectionType) {
	target := -1
	for i, typ := range outcomes {
		l, ok := c.graph.branch(c.i, typ)
		if !ok || l.to < 0 || i > 0 && l.to != target {
			return
		}
		target = l.to
	}
	if len(outcomes) > 1 {
		c.warnf(CodeSameTarget, "", "all branches lead to step %s: the outcome makes no difference, so connect one of them elsewhere",
			jsondoc.Quote(c.automation.Steps[target].Key))
	}
}

// namedOutcomes returns the outcomes of a config whose branches have names. The second
// result is false for all other configs.
func namedOutcomes(config StepConfig) ([]ConnectionType, bool) {
	switch config := config.(type) {
	case Branch:
		return config.Outcomes(), true
	case Split:
		return config.Outcomes(), true
	case WaitForAny:
		return config.Outcomes(), true
	default:
		return nil, false
	}
}

// hasNamedOutcomes reports whether the branches of steps of type t are named in their
// configs.
func hasNamedOutcomes(t StepType) bool {
	return t == TypeBranch || t == TypeSplit || t == TypeWaitForAny
}

// maxNamesShown bounds the bytes of a list of names in a message.
const maxNamesShown = 300

// branchHint returns the sentence that names the branches which a step has, and the one that
// typ most likely misspells.
func branchHint(typ ConnectionType, outcomes []ConnectionType) string {
	names := make([]string, len(outcomes))
	var list strings.Builder
	for i, name := range outcomes {
		names[i] = string(name)
		switch {
		case i == 0:
		case list.Len() > maxNamesShown:
			fmt.Fprintf(&list, " or one of %d more", len(outcomes)-i)
			return didYouMean(typ, names) + "use " + list.String()
		default:
			list.WriteString(" or ")
		}
		list.WriteString(jsondoc.Quote(name))
	}
	return didYouMean(typ, names) + "use " + list.String()
}

func didYouMean(typ ConnectionType, names []string) string {
	names = slices.DeleteFunc(names, func(name string) bool { return len(name) > maxNameBytes }) // they are costly to compare
	if near := nearest.Match(string(typ), names); near != "" {
		return fmt.Sprintf("did you mean %s? Otherwise ", jsondoc.Quote(near))
	}
	return ""
}
