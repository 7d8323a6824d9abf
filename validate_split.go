package automation

import (
	"fmt"
	"slices"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// maxWeight is the greatest weight of a variant.
const maxWeight = 10_000

func (c *stepValidator) validateSplit(s Split) {
	const path = "config.variants"
	switch n := len(s.Variants); {
	case n < 2:
		c.errorf(CodeMissingField, path, "there is nothing to split: give at least two variants, each with a name and a weight")
	case n > c.limits.Variants:
		c.errorf(CodeLimit, path, "the step has %d variants, the limit is %d: raise Limits.Variants, "+
			"or split one of them again with another split", n, c.limits.Variants)
		return
	}
	first := map[string]int{}
	for i, v := range s.Variants {
		at := fmt.Sprintf("%s[%d]", path, i)
		c.validateBranchName(at, "variant", v.Name, i, first)
		if v.Weight < 0 || v.Weight > maxWeight {
			c.errorf(CodeInvalidWeights, at+".weight", "weight %d is not between 0 and %d: %s", v.Weight, maxWeight, weightHint)
		}
	}
	if len(s.Variants) > 1 && !slices.ContainsFunc(s.Variants, func(v Variant) bool { return v.Weight != 0 }) {
		c.errorf(CodeInvalidWeights, path, "all weights are 0, so no contact gets a variant: give one of them a greater weight")
	}
	if flaw := idFlaw(s.Salt); flaw != "" {
		c.errorf(CodeInvalidConfig, "config.salt", "the salt %s %s", jsondoc.Quote(s.Salt), flaw)
	}
	c.validateSplitBy(s.By)
}

func (c *stepValidator) validateSplitBy(by string) {
	const path = "config.by"
	switch by {
	case "", splitByContact, splitByRun:
		return
	}
	p, err := compilePath(by, nil)
	if err != nil || p.scope != scopeEvent {
		c.errorf(CodeInvalidReference, path, "%s is nothing to split by: use %q, %q or the path of a field in event.",
			jsondoc.Quote(by), splitByContact, splitByRun)
		return
	}
	c.validateField(path, p, c.graph.triggerEvent())
}

// validateVariants warns about variants that lead nowhere, unless that is meant.
func (c *stepValidator) validateVariants(s Split) {
	if c.hasForeignConnection(s.Outcomes()) {
		return
	}
	for i, v := range s.Variants {
		if v.Name != "" && !v.Holdout && !c.meant.hasBranch(c.i, ConnectionType(v.Name)) {
			c.warnf(CodeVariantUnconnected, fmt.Sprintf("config.variants[%d]", i), "the run ends with the variant %s: "+
				"add a connection of type %s, or mark the variant as a holdout", jsondoc.Quote(v.Name), jsondoc.Quote(v.Name))
		}
	}
	c.validateMeeting(s.Outcomes())
}
