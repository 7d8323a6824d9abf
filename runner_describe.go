package automation

import (
	"maps"
	"slices"
)

// Limits returns the limits of the Runner: those of Options.Limits, with defaults for
// zero fields.
func (r *Runner) Limits() Limits { return r.opts.Limits }

// StepTypes describes the step types that automations of the Runner can have: the built-in
// types, and then those of Options.Registry, both sorted by their names.
func (r *Runner) StepTypes() []StepTypeInfo {
	var infos []StepTypeInfo
	configs := builtin().configs
	for _, name := range slices.Sorted(maps.Keys(configs)) {
		infos = append(infos, StepTypeInfo{
			Type: name, BuiltIn: true, Branches: builtinBranches(name), Config: describeConfig(configs[name].goType),
		})
	}
	return append(infos, r.opts.Registry.Describe()...)
}

// builtinBranches returns a copy of the outcomes of a built-in type after which a run can
// go on, except those that configs name.
func builtinBranches(t StepType) []ConnectionType {
	if t == TypeContactDelete || t == TypeSplit {
		return nil
	}
	branches, _ := outcomes(t, nil)
	return slices.Clone(branches)
}
