package dashboard

import (
	"net/http"

	"github.com/seed-b636437c/automation"
)

// offers are the names that the fields of the editor offer, by the id of their list.
type offers struct {
	Events    []string `json:"events"`
	Segments  []string `json:"segments"`
	Templates []string `json:"templates"`
	Paths     []string `json:"paths"`
}

// contactPaths are the fields that every contact has.
var contactPaths = []string{"contact.email", "contact.first_name", "contact.last_name", "contact.unsubscribed"}

// pick answers with what the fields of the editor offer: the newest of each kind. A list
// that cannot be read is left out: a person can type every name.
func (x *exchange) pick() error {
	ctx, cancel := x.reading()
	defer cancel()
	newest := automation.PageQuery{Limit: 100}
	o := offers{Events: []string{}, Segments: []string{}, Templates: []string{}, Paths: contactPaths}
	if found, err := x.runner.ListEventDefinitions(ctx, newest); err == nil {
		for _, d := range found.Data {
			o.Events = append(o.Events, d.Name)
		}
	}
	if found, err := x.runner.ListSegments(ctx, newest); err == nil {
		for _, s := range found.Data {
			o.Segments = append(o.Segments, s.ID)
		}
	}
	if found, err := x.runner.ListContactProperties(ctx, newest); err == nil {
		for _, p := range found.Data {
			o.Paths = append(o.Paths, "contact.properties."+p.Key)
		}
	}
	return x.json(http.StatusOK, o)
}
