package health_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/health"
	"github.com/seed-b636437c/automation/internal/world"
)

// checker is a health.Checker that is a function.
type checker func(ctx context.Context) (automation.Health, error)

func (c checker) Health(ctx context.Context) (automation.Health, error) { return c(ctx) }

// in returns a health with problems of these codes.
func in(codes ...automation.HealthCode) automation.Health {
	var h automation.Health
	for _, c := range codes {
		h.Problems = append(h.Problems, automation.HealthProblem{Severity: automation.SeverityError, Code: c})
	}
	return h
}

func answers(c checker, opts health.Options, method string) *httptest.ResponseRecorder {
	h, err := health.New(c, opts)
	if err != nil {
		panic(err)
	}
	return get(h, method)
}

func get(h http.Handler, method string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, "/readyz", nil))
	return w
}

func TestReadiness_DependsOnWhatThisProcessCanDo(t *testing.T) {
	t.Parallel()
	for code, status := range map[automation.HealthCode]int{
		automation.HealthStoreUnavailable: http.StatusServiceUnavailable,
		automation.HealthSchema:           http.StatusServiceUnavailable,
		automation.HealthRunStalled:       http.StatusServiceUnavailable,
		automation.HealthNoWorker:         http.StatusOK,
		automation.HealthOverdue:          http.StatusOK,
		automation.HealthStuck:            http.StatusOK,
		automation.HealthSetAside:         http.StatusOK,
		automation.HealthNoneEnabled:      http.StatusOK,
	} {
		w := answers(func(context.Context) (automation.Health, error) { return in(code), nil }, health.Options{}, "GET")
		assert.Equal(t, status, w.Code, code)
		assert.Contains(t, w.Body.String(), `"code":"`+string(code)+`"`)
		assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
		assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	}
}

func TestReadiness_MayNeedARun(t *testing.T) {
	t.Parallel()
	stopped := func(context.Context) (automation.Health, error) { return in(automation.HealthOverdue), nil }
	assert.Equal(t, http.StatusOK, answers(stopped, health.Options{}, "GET").Code)
	w := answers(stopped, health.Options{NeedsRun: true}, "GET")
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.Contains(t, w.Body.String(), `"ready":false`)
	assert.Contains(t, w.Body.String(), `"problems":[{"severity":"error","code":"not_running"`)
	working := func(context.Context) (automation.Health, error) { return automation.Health{Running: true}, nil }
	assert.Equal(t, http.StatusOK, answers(working, health.Options{NeedsRun: true}, "GET").Code)
}

func TestReadiness_IsShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		h, err := health.New(checker(func(ctx context.Context) (automation.Health, error) {
			calls.Add(1)
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
				return in(automation.HealthStoreUnavailable), ctx.Err()
			}
			return automation.Health{}, nil
		}), health.Options{})
		require.NoError(t, err)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond) // the client hangs up
				defer cancel()
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/readyz", nil))
				assert.Equal(t, http.StatusOK, w.Code)
			})
		}
		wg.Wait()
		assert.EqualValues(t, 1, calls.Load())
		time.Sleep(time.Second)
		get(h, "GET")
		assert.EqualValues(t, 2, calls.Load())
	})
}

func TestReadiness_EndsAfterTheTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w := answers(func(ctx context.Context) (automation.Health, error) {
			<-ctx.Done()
			return in(automation.HealthStoreUnavailable), ctx.Err()
		}, health.Options{}, "GET")
		assert.Equal(t, http.StatusServiceUnavailable, w.Code)
		assert.Equal(t, 2*time.Second, time.Since(began))
	})
}

func TestReadiness_LogsWhenItChanges(t *testing.T) {
	t.Parallel()
	var log world.Log
	var down bool
	h, err := health.New(checker(func(context.Context) (automation.Health, error) {
		if down {
			return in(automation.HealthStoreUnavailable), errors.New("no route to ada@example.com")
		}
		return automation.Health{}, nil
	}), health.Options{MaxAge: 1, Logger: log.Logger()})
	require.NoError(t, err)
	for _, down = range []bool{false, true, true, false, false, true} {
		get(h, "GET")
	}
	warnings := log.Records("health: not ready")
	require.Len(t, warnings, 2)
	assert.Equal(t, slog.LevelWarn, warnings[0].Level)
	assert.NotContains(t, warnings[0].Attrs["error"].(error).Error(), "ada@")
	require.Len(t, log.Records("health: ready again"), 1)
}

func TestProbes_AreReads(t *testing.T) {
	t.Parallel()
	ready, err := health.New(checker(func(context.Context) (automation.Health, error) { return automation.Health{}, nil }), health.Options{})
	require.NoError(t, err)
	for _, h := range []http.Handler{ready, http.HandlerFunc(health.Live)} {
		assert.Equal(t, http.StatusOK, get(h, "HEAD").Code)
		assert.Equal(t, http.StatusOK, get(h, "GET").Code)
		w := get(h, "POST")
		assert.Equal(t, http.StatusMethodNotAllowed, w.Code)
		assert.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
	}
}

func TestNew_ReportsInvalidArguments(t *testing.T) {
	t.Parallel()
	_, err := health.New((*automation.Runner)(nil), health.Options{Timeout: -1, MaxAge: -1})
	assert.ElementsMatch(t, []string{"checker", "Timeout", "MaxAge"}, world.Paths(world.Problems(t, err)))
}

// The answer names neither contacts nor the error of the store.
func TestReadiness_OfARunner(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	w.Send(world.Signup("ada@example.com"))
	w.Clock.Add(time.Hour)
	h, err := health.New(w.Runner, health.Options{MaxAge: 1})
	require.NoError(t, err)
	res := get(h, "GET")
	assert.Equal(t, http.StatusOK, res.Code)
	assert.Contains(t, res.Body.String(), `"lag_seconds":3600`)
	assert.NotContains(t, res.Body.String(), "ada")
	w.Store.Down.Store(true)
	res = get(h, "GET")
	assert.Equal(t, http.StatusServiceUnavailable, res.Code)
	assert.NotContains(t, res.Body.String(), world.ErrOutage.Error())
}
