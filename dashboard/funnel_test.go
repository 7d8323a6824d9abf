package dashboard_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation/dashboard"
)

// rows returns the texts of the cells of the only table on a page.
func rows(body string) (texts []string) {
	_, body, _ = strings.Cut(body, "<tbody>")
	for _, row := range strings.Split(body, "</tr>") {
		text := strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(row, " ")), " ")
		if strings.Contains(row, "<td>") {
			texts = append(texts, text)
		}
	}
	return texts
}

func TestFunnel_ShowsHowFarRunsGet(t *testing.T) {
	t.Parallel()
	s, calls := newCountedSite(t, dashboard.Options{})
	s.Create(trial("trial"))
	populate(s)
	calls.take()
	body := s.get("/a/trial/funnel").Body.String()
	assert.LessOrEqual(t, len(calls.take()), 4)
	assert.Contains(t, body, "all <b>4</b> runs of version 1, started since")
	assert.Equal(t, []string{
		"start trigger 4 100 % went on 4 0 0 at once",
		"decides wait for event 4 100 % received 1 timed out 2 1 0 3 d",
		"thanks send email 1 25 % went on 1 0 0 at once",
		"nudge send email 2 50 % went on 1 0 1 at once",
	}, rows(body))
	body = s.get("/a/trial/funnel?runs=ended").Body.String()
	assert.Contains(t, body, "all <b>3</b> runs of version 1 that ended")
	assert.Equal(t, http.StatusBadRequest, s.get("/a/trial/funnel?runs=sleepy").Code)
	assert.Contains(t, s.get("/a/trial/funnel?version=7").Body.String(), "No run of version 7 yet.")
}
