package dashboard

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/seed-b636437c/automation"
)

// offers are the names that the fields of the editor offer, by the id of their list.
type offers struct {
	Events    []string `json:"events"`
	Segments  []string `json:"segments"`
	Templates []string `json:"templates"`
	Paths     []string `json:"paths"`
}

// pick answers with what the fields of the editor offer: the newest of each kind. A list
// that cannot be read is left out: a person can type every name.
func (x *exchange) pick() error {
	ctx, cancel := x.reading()
	defer cancel()
	o := offers{Events: []string{}, Segments: []string{}, Templates: []string{}, Paths: []string{}}
	if found, err := x.runner.ListEventDefinitions(ctx, newest); err == nil {
		for _, d := range found.Data {
			o.Events = append(o.Events, d.Name)
			o.offer(d.Paths())
		}
	}
	if found, err := x.runner.ListSegments(ctx, newest); err == nil {
		for _, s := range found.Data {
			o.Segments = append(o.Segments, s.ID)
		}
	}
	if x.opts.Templates != nil {
		found, _ := x.opts.Templates.List(newest)
		for _, t := range found.Data {
			o.Templates = append(o.Templates, cmp.Or(t.Alias, t.ID))
		}
	}
	properties, _ := x.runner.ListContactProperties(ctx, newest)
	o.offer(automation.ContactPaths(properties.Data))
	return x.json(http.StatusOK, o)
}

// offer adds paths, each once.
func (o *offers) offer(paths []automation.PathInfo) {
	for _, p := range paths {
		if !slices.Contains(o.Paths, p.Path) {
			o.Paths = append(o.Paths, p.Path)
		}
	}
}
