package dashboard

import (
	"context"
	"html/template"

	"github.com/seed-b636437c/automation"
)

// sendStarts are the automations whose trigger names the event of the form.
type sendStarts struct {
	Enabled, Others []sendStart // Others start no run
	Partial         bool        // there are older automations, which are not among these
}

type sendStart struct {
	Name, Status string
	Link         template.URL
}

// startsOf reads what an event would start: one call of the store, and none without a name.
func (x *exchange) startsOf(event string) part[sendStarts] {
	if event == "" {
		return part[sendStarts]{}
	}
	return read(x, func(ctx context.Context) (starts sendStarts, err error) {
		found, err := x.newestAutomations(ctx)
		for _, a := range found.Data {
			if a.EventName == event {
				starts.add(a.Status, sendStart{a.Name, string(a.Status), x.to.To("a", a.ID)})
			}
		}
		starts.Partial = found.HasMore
		return starts, err
	})
}

func (s *sendStarts) add(status automation.Status, start sendStart) {
	if status == automation.StatusEnabled {
		s.Enabled = append(s.Enabled, start)
		return
	}
	s.Others = append(s.Others, start)
}
