package diagram

import "strings"

// heading returns the name of the picture.
func (f *flow) heading() string {
	name := f.name
	if name == "" {
		name = "Automation"
	}
	if f.run != nil {
		name += ": a run, " + plain(string(f.run.Status))
	}
	return name
}

// story returns what the picture shows in sentences, for readers who do not see it.
func (f *flow) story() string {
	next := make([][]string, len(f.steps))
	for _, l := range f.links {
		if l.from >= 0 && l.to >= 0 {
			next[l.from] = append(next[l.from], f.steps[l.to].key+l.condition())
		}
	}
	for _, l := range f.ends {
		if l.word != "" {
			next[l.from] = append(next[l.from], "the end"+l.condition())
		}
	}
	var sentences []string
	for i := range f.steps {
		text := f.steps[i].label()
		if len(next[i]) > 0 {
			text += "; leads to " + strings.Join(next[i], ", ")
		}
		sentences = append(sentences, text+".")
	}
	return strings.Join(sentences, " ")
}

func (l *link) condition() string {
	if l.word == "" {
		return ""
	}
	return " (" + l.word + ")"
}
