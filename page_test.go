package automation_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// shelf is a list of runs, newest first, that counts its reads.
type shelf struct {
	ids   []string
	reads int
	limit int // of the last read
}

func newShelf(n int) *shelf {
	s := &shelf{}
	for i := range n {
		s.ids = append(s.ids, fmt.Sprint(i))
	}
	return s
}

func (s *shelf) list(_ context.Context, q automation.RunQuery) (page automation.Page[automation.Run], err error) {
	s.reads++
	s.limit = q.Limit
	rest := s.ids
	if q.After != "" {
		i := slices.Index(s.ids, q.After)
		if i < 0 {
			return page, fmt.Errorf("run %s: %w", q.After, automation.ErrNotFound)
		}
		rest = s.ids[i+1:]
	}
	for _, id := range rest[:min(len(rest), q.Limit)] {
		page.Data = append(page.Data, automation.Run{ID: id})
	}
	page.HasMore = len(rest) > q.Limit
	return page, nil
}

func idsOf(runs iter.Seq2[automation.Run, error]) (ids []string, err error) {
	for run, err := range runs {
		if err != nil {
			return ids, err
		}
		ids = append(ids, run.ID)
	}
	return ids, nil
}

func TestEach_WalksEveryPage(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 99, 100, 101, 250} {
		s := newShelf(n)
		all := automation.Each(t.Context(), s.list, automation.RunQuery{})
		require.Zero(t, s.reads, "nothing is read before the walk")
		for range 2 {
			ids, err := idsOf(all)
			require.NoError(t, err)
			assert.Equal(t, s.ids, ids)
		}
		assert.Equal(t, 2*max(1, (n+99)/100), s.reads, "%d items", n)
	}
}

func TestEach_KeepsWhatTheQuerySelects(t *testing.T) {
	t.Parallel()
	s := newShelf(50)
	q := automation.RunQuery{PageQuery: automation.PageQuery{After: "9", Limit: 15}}
	ids, err := idsOf(automation.Each(t.Context(), s.list, q))
	require.NoError(t, err)
	assert.Equal(t, s.ids[10:], ids)
	assert.Equal(t, 15, s.limit)
	assert.Equal(t, "9", q.After)
}

func TestEach_StopsReadingWithItsCaller(t *testing.T) {
	t.Parallel()
	s := newShelf(250)
	for run := range automation.Each(t.Context(), s.list, automation.RunQuery{}) {
		if run.ID == "99" {
			break
		}
	}
	assert.Equal(t, 1, s.reads)
}

// The items at the end of a page are deleted before the next page is read.
func TestEach_GoesOnAfterWhatIsDeleted(t *testing.T) {
	t.Parallel()
	s := newShelf(250)
	want := slices.Clone(s.ids)
	var ids []string
	for run, err := range automation.Each(t.Context(), s.list, automation.RunQuery{}) {
		require.NoError(t, err)
		if ids = append(ids, run.ID); len(ids) == 100 {
			s.ids = slices.Delete(s.ids, 90, 100)
		}
	}
	assert.Equal(t, want, ids)

	var errs []error
	for run, err := range automation.Each(t.Context(), s.list, automation.RunQuery{}) {
		if run.ID == "50" {
			s.ids = nil
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	require.Len(t, errs, 1)
	assert.ErrorIs(t, errs[0], automation.ErrConflict, "there is nothing to go on from")
}

func TestEach_EndsWithAnError(t *testing.T) {
	t.Parallel()
	s, outage := newShelf(150), errors.New("outage")
	ended, end := context.WithCancel(t.Context())
	end()
	down := func(ctx context.Context, q automation.RunQuery) (automation.Page[automation.Run], error) {
		if s.reads == 1 {
			return automation.Page[automation.Run]{}, outage
		}
		return s.list(ctx, q)
	}
	ids, err := idsOf(automation.Each(t.Context(), down, automation.RunQuery{}))
	require.ErrorIs(t, err, outage)
	assert.Len(t, ids, 100)
	for name, tt := range map[string]struct {
		ctx  context.Context
		q    automation.PageQuery
		want error
	}{
		"the context has ended": {ended, automation.PageQuery{}, context.Canceled},
		"an unknown cursor":     {t.Context(), automation.PageQuery{After: "gone"}, automation.ErrNotFound},
		"from oldest to newest": {t.Context(), automation.PageQuery{Before: "9"}, automation.ErrInvalid},
	} {
		ids, err := idsOf(automation.Each(tt.ctx, s.list, automation.RunQuery{PageQuery: tt.q}))
		require.ErrorIs(t, err, tt.want, name)
		assert.Empty(t, ids, name)
	}
}
