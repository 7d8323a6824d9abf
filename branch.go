package automation

import "slices"

// Branch sends a run along the first of its branches whose rule holds. The run takes the
// connection whose type is the name of that branch, and the default connection if no rule
// holds. Without such a connection the run completes. The rules after the first that holds
// are not evaluated. A rule that cannot be evaluated fails the step. Resend has no such step.
type Branch struct {
	// Branches are tried in order. There is at least one, and there are at most
	// Limits.Branches, 20 by default.
	Branches []BranchRule `json:"branches"`
}

// BranchRule is one branch of a Branch.
type BranchRule struct {
	// Name is the type of the connection that leads on from the branch. It is unique in
	// the step, and has 1 to 64 bytes without control characters. It must not be one of the
	// connection types of other steps, such as ConnectionDefault.
	Name string `json:"name"`
	// Rule must hold for a run to take the branch.
	Rule Rule `json:"rule"`
}

// StepType returns TypeBranch.
func (Branch) StepType() StepType { return TypeBranch }

// Outcomes returns the types of the connections that can lead on from the step: the names
// of the branches in their order, and then ConnectionDefault. It has each type once, and
// leaves out empty names.
func (b Branch) Outcomes() []ConnectionType {
	types := make([]ConnectionType, 0, len(b.Branches)+1)
	for _, branch := range b.Branches {
		types = appendOutcome(types, branch.Name)
	}
	return appendOutcome(types, string(ConnectionDefault))
}

// appendOutcome appends the type of a connection, unless it is empty or there already.
func appendOutcome(types []ConnectionType, name string) []ConnectionType {
	if typ := ConnectionType(name); name != "" && !slices.Contains(types, typ) {
		types = append(types, typ)
	}
	return types
}

// reservedNames are connection types of other steps, and words that may become such types.
// No branch has one of them as its name.
var reservedNames = []ConnectionType{
	ConnectionDefault, ConnectionTimeout, ConnectionEventReceived, ConnectionConditionMet, ConnectionConditionNotMet,
	"met", "all_received", ConnectionPast, "failed",
}

// maxNameBytes bounds the name of a branch.
const maxNameBytes = 64
