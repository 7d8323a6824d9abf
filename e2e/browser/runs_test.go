package browser_test

import (
	"context"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// someRun returns the path of the newest run that a query selects.
func (s *site) someRun(q automation.RunQuery) string {
	s.T.Helper()
	found, err := s.ListRuns(s.Ctx, q)
	require.NoError(s.T, err)
	require.NotEmpty(s.T, found.Data)
	run := found.Data[0]
	return "/a/" + url.PathEscape(run.AutomationID) + "/runs/" + run.ID
}

func TestRuns_AreAccessible(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.populate()
	failed := s.someRun(automation.RunQuery{Statuses: []automation.RunStatus{automation.RunFailed}})
	running := s.someRun(automation.RunQuery{AutomationID: "welcome", Statuses: []automation.RunStatus{automation.RunRunning}})
	b := newTab(t, s)
	for name, path := range map[string]string{
		"runs": "/runs", "runs-filtered": "/runs?status=failed&automation=welcome&step=hello", "runs-none": "/runs?contact=ghost@example.com",
		"run-failed": failed, "run-waiting": running, "run-email": running + "?step=hello",
		"run-cancel": running + "/cancel", "run-strange": s.someRun(automation.RunQuery{AutomationID: "a/b?c#d"}),
		"bulk-retry": "/runs/bulk?action=retry&automation=welcome", "bulk-cancel": "/runs/bulk?action=cancel",
		"job-gone": "/jobs/gone?action=retry&automation=welcome",
	} {
		b.open(path)
		b.everyLook(func(look string) {
			b.accessible(name + " " + look)
			b.picture("/"+name, look)
		})
	}
}

// The drawing of a flow with branches fits beside the facts, with its icons.
func TestRuns_ShowTheWholePathOnALaptop(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.populate()
	b := newTab(t, s)
	b.open(s.someRun(automation.RunQuery{AutomationID: "welcome"}))
	assert.LessOrEqual(t, eval[int](b, "(d => d.scrollWidth - d.clientWidth)(document.querySelector('.drawing'))"), 0)
	for _, drawn := range []string{".icon", ".status path"} {
		assert.Equal(t, "none", eval[string](b, "getComputedStyle(document.querySelector('.automation-diagram "+drawn+"')).fill"), drawn)
	}
}

// A person finds the failed runs, reads the error of one, and retries it and then the rest.
func TestRuns_AreFoundReadAndRetried(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.populate()
	s.Mailer.Respond = func(context.Context, automation.Email) error { return nil }
	b := newTab(t, s)
	b.open("/runs")
	b.click(`input[value="failed"]`)
	b.press("Filter")
	b.until("location.search.includes('status=failed') && document.querySelector('.runs')")
	assert.True(t, eval[bool](b, "[...document.querySelectorAll('.runs tbody .badge')].every(e => e.innerText.includes('failed'))"))
	b.click(".runs .row")
	b.until("document.querySelector('.trouble')?.innerText.includes('550 5.1.1')")
	b.press("Retry from the failed step")
	b.until("document.querySelector('h1 + .badge')?.innerText.includes('running')")
	b.open("/runs?status=failed&automation=welcome")
	b.press("Retry the failed")
	b.until("document.querySelector('h1')?.innerText.startsWith('Retry ')")
	b.press("Retry them")
	b.until("document.querySelector('#job')?.innerText.includes('The requests are recorded')")
	b.everyLook(func(look string) {
		b.accessible("job " + look)
		b.picture("/job", look)
	})
	s.Drain()
	b.open("/runs?status=failed&automation=welcome")
	b.until("document.querySelector('.empty')")
}
