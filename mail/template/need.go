package template

// Need is a variable that a template takes from the step.
type Need struct {
	// Variable is the declaration. If there is none it has only a Key: any type
	// is taken.
	Variable
	// Declared is false for a name that is only used in the text.
	Declared bool
	// Required says that rendering fails without a value: neither the declaration
	// has a fallback, nor every place that uses the variable.
	Required bool
}

// needsOf returns the variables of the texts: those declared in their order, then the
// others in the order of their appearance.
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

// usage returns the names that are used, and those used anywhere without a fallback
// for the place.
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
