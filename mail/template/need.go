package template

import (
	"slices"

	"github.com/seed-b636437c/automation"
)

// Need is a variable that a template takes from the step.
type Need struct {
	// Variable is the declaration. Without a declaration it has only a Key, and the
	// variable takes any type.
	Variable
	// Declared is false for a name that the texts use without a declaration.
	Declared bool
	// Required is true if rendering fails without a value: the declaration has no
	// fallback, and not every place that uses the variable has one.
	Required bool
}

// needsOf returns the variables of the texts: first the declared ones in their order, then
// those without a declaration in the order of their first use.
func needsOf(declared []Variable, texts []*text) []Need {
	used, bare := usage(texts)
	var needs []Need
	known := map[string]bool{}
	for _, d := range declared {
		known[d.Key] = true
		covered := d.FallbackValue != nil || used[d.Key] && !bare[d.Key]
		needs = append(needs, Need{Variable: d, Declared: true, Required: !covered})
	}
	for _, t := range texts {
		for _, r := range t.refs {
			if r.isVariable() && !known[r.name] {
				known[r.name] = true
				needs = append(needs, Need{Variable: Variable{Key: r.name}, Required: bare[r.name]})
			}
		}
	}
	return needs
}

// usage returns the names that the texts use, and the names that any place uses without a
// fallback.
func usage(texts []*text) (used, bare map[string]bool) {
	used, bare = map[string]bool{}, map[string]bool{}
	for _, t := range texts {
		for _, r := range t.refs {
			used[r.name] = true
			if !r.hasFallback {
				bare[r.name] = true
			}
		}
	}
	return used, bare
}

// info describes the variables of the template. A step that overrides the sender, the
// subject or the reply address can need fewer of them.
func (c *compiled) info() (info automation.TemplateInfo) {
	overridden := c.needsOfOverridden()
	for _, n := range c.needs {
		info.Variables = append(info.Variables, n.Key)
		always := !slices.ContainsFunc(overridden, func(needs []Need) bool { return !requires(needs, n.Key) })
		switch {
		case n.Required && always:
			info.Required = append(info.Required, n.Key)
		case n.Required:
			info.RequiredByHeader = append(info.RequiredByHeader, n.Key)
		}
	}
	return info
}

// needsOfOverridden returns the needs of the template without each combination of its
// header fields.
func (c *compiled) needsOfOverridden() [][]Need {
	var all [][]Need
	header := []*text{c.parts.from, c.parts.subject, c.parts.replyTo}
	for mask := range 1 << len(header) {
		texts := []*text{c.parts.html, c.parts.text}
		for i, t := range header {
			if mask&(1<<i) != 0 {
				texts = append(texts, t)
			}
		}
		all = append(all, needsOf(c.declared, texts))
	}
	return all
}

func requires(needs []Need, key string) bool {
	return slices.ContainsFunc(needs, func(n Need) bool { return n.Key == key && n.Required })
}
