package automation

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// MaxSample is how many runs SampleRuns returns at most.
const MaxSample = 500

// SampleRuns returns the newest runs that q selects, newest first and with their steps, so
// that a caller can measure how far runs get, and how long they stay at each step. It reads
// q.Limit runs, MaxSample by default, however many q selects. Therefore most runs of a busy
// automation with long delays may be at its first steps. A query for runs that have ended
// avoids that.
//
// SampleRuns makes two calls of the Store, and one more for each version that this Runner
// has not read before. The steps lack their large outputs, which the Store keeps apart. A
// run that this process cannot decode has no steps, as in GetRun. SampleRuns fails with a
// *ValidationError if q.Limit is invalid, or if q has a cursor.
func (r *Runner) SampleRuns(ctx context.Context, q RunQuery) ([]Run, error) {
	q.Limit = cmp.Or(q.Limit, MaxSample)
	if err := checkSample(q); err != nil {
		return nil, err
	}
	page, err := r.store.ListRuns(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("automation: sample runs: %w", err)
	}
	place := make(map[string]int, len(page.Data)) // on the page
	ids := make([]string, len(page.Data))
	for i, rec := range page.Data {
		ids[i], place[rec.ID] = rec.ID, i
	}
	recs, err := r.store.FindRuns(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("automation: sample runs: %w", err)
	}
	slices.SortFunc(recs, func(a, b RunRecord) int { return cmp.Compare(place[a.ID], place[b.ID]) })
	runs := make([]Run, len(recs))
	for i, rec := range recs {
		if runs[i], err = r.runWithSteps(ctx, rec, nil); err != nil {
			return nil, err
		}
	}
	return runs, nil
}

func checkSample(q RunQuery) error {
	var ps Problems
	if q.Limit < 1 || q.Limit > MaxSample {
		ps.Add(CodeLimit, "limit", "must be between 1 and %d", MaxSample)
	}
	if q.After != "" || q.Before != "" {
		ps.Add(CodeInvalidCursor, "after", "a sample is of the newest runs and has no pages: use created_until")
	}
	return ps.Err("sample runs")
}
