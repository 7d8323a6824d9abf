package browser_test

import (
	"fmt"
	"testing"

	"github.com/seed-b636437c/automation"
)

// walked are the widths at which tests walk through a page: a laptop's and a phone's.
var walked = []int64{1280, 390}

// walkPages walks through pages at each width.
func (b *tab) walkPages(paths ...string) {
	b.t.Helper()
	for _, path := range paths {
		b.open(path)
		b.named(path)
		for _, width := range walked {
			b.resize(width, 900)
			b.open(path)
			b.until("!document.querySelector('#editor') || document.querySelector('.node')")
			b.walkable(fmt.Sprintf("%s at %d", path, width))
		}
	}
}

func TestFocus_GoesThroughPagesInReadingOrder(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.populate()
	failed := s.someRun(automation.RunQuery{Statuses: []automation.RunStatus{automation.RunFailed}})
	running := s.someRun(automation.RunQuery{AutomationID: "welcome", Statuses: []automation.RunStatus{automation.RunRunning}})
	b := newTab(t, s)
	b.expect("Failed to load resource: the server responded with a status of 404")
	b.walkPages(s.pages()...)
	b.walkPages(failed, running, running+"?step=hello", running+"/cancel", s.someRun(automation.RunQuery{AutomationID: "a/b?c#d"}),
		"/runs?status=failed&automation=welcome&step=hello", "/runs?contact=ghost@example.com", "/runs/bulk?action=retry&automation=welcome")
}

func TestFocus_GoesThroughPagesAboutPeopleInReadingOrder(t *testing.T) {
	t.Parallel()
	s := newPeopleSite(t)
	newTab(t, s).walkPages(s.peoplePages()...)
}

func TestFocus_GoesThroughEmptyPagesInReadingOrder(t *testing.T) {
	t.Parallel()
	newTab(t, newSite(t)).walkPages("/", "/runs", "/contacts", "/events", "/templates", "/search", "/new", "/events/new", "/events/send")
}
