package template

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
