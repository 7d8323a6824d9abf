package httpapi

import (
	"cmp"
	"maps"
	"net/http"
	"slices"

	"github.com/seed-b636437c/automation"
)

// tally counts runs by status.
type tally struct {
	Total     int `json:"total"`
	Running   int `json:"running"`
	Completed int `json:"completed"`
	Failed    int `json:"failed"`
	Cancelled int `json:"cancelled"`
}

func (t *tally) add(status automation.RunStatus, n int) {
	t.Total += n
	switch status {
	case automation.RunRunning:
		t.Running += n
	case automation.RunCompleted:
		t.Completed += n
	case automation.RunFailed:
		t.Failed += n
	case automation.RunCancelled:
		t.Cancelled += n
	}
}

// census counts runs: all of them, and by the step at which they are or ended.
type census struct {
	Runs  tally       `json:"runs"`
	Steps []stepTally `json:"steps"`
}

type stepTally struct {
	Key string `json:"key"`
	tally
}

// versionCensus counts the runs of one version of the graph.
type versionCensus struct {
	Version int `json:"version"`
	census
}

type metricsBody struct {
	Object string `json:"object"`
	ID     string `json:"id"`
	census
	Versions []versionCensus `json:"versions"`
}

func (h *Handler) getMetrics(r *http.Request) (any, error) {
	a, err := h.automation(r)
	if err != nil {
		return nil, err
	}
	counts, err := h.runner.CountRuns(r.Context(), a.ID)
	if err != nil {
		return nil, err
	}
	body := metricsBody{Object: "automation_metrics", ID: a.ID, census: newCensus(counts), Versions: []versionCensus{}}
	byVersion := map[int][]automation.RunCount{}
	for _, c := range counts {
		byVersion[c.Version] = append(byVersion[c.Version], c)
	}
	for _, version := range slices.Backward(slices.Sorted(maps.Keys(byVersion))) {
		body.Versions = append(body.Versions, versionCensus{version, newCensus(byVersion[version])})
	}
	return body, nil
}

// newCensus adds the counts up, with the steps in the order of their keys.
func newCensus(counts []automation.RunCount) census {
	var all census
	steps := map[string]*stepTally{}
	for _, c := range counts {
		all.Runs.add(c.Status, c.Count)
		if steps[c.Step] == nil {
			steps[c.Step] = &stepTally{Key: c.Step}
		}
		steps[c.Step].add(c.Status, c.Count)
	}
	all.Steps = make([]stepTally, 0, len(steps))
	for _, s := range steps {
		all.Steps = append(all.Steps, *s)
	}
	slices.SortFunc(all.Steps, func(a, b stepTally) int { return cmp.Compare(a.Key, b.Key) })
	return all
}
