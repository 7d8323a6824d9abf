package scenario_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// by returns a context with an actor.
func by(w *world.World, actor string) context.Context { return automation.WithActor(w.Ctx, actor) }

// regraph makes a new version, with one email.
func regraph(w *world.World, ctx context.Context, id, email string) automation.Automation {
	w.T.Helper()
	graph := world.Flow("", "signup", world.Email(email))
	a, err := w.UpdateAutomation(ctx, id, automation.AutomationUpdate{Steps: graph.Steps, Connections: graph.Connections})
	require.NoError(w.T, err)
	return a
}

// authors returns the authors of an automation's versions, oldest first.
func authors(w *world.World, id string) (names []string) {
	w.T.Helper()
	page, err := w.ListVersions(w.Ctx, id, automation.PageQuery{Limit: 100})
	require.NoError(w.T, err)
	for _, v := range page.Data {
		names = append([]string{v.Author}, names...)
	}
	return names
}

func TestHistory_VersionIsAsItWas(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	first := world.Flow("welcome", "signup", world.Email("old"))
	first.Retry = automation.RetryPolicy{MaxAttempts: 3}
	_, err := w.CreateAutomation(by(w, "ada"), first)
	require.NoError(t, err)
	w.Clock.Add(time.Hour)
	regraph(w, by(w, "bob"), "welcome", "new")

	v, err := w.GetAutomationVersion(w.Ctx, "welcome", 1)
	require.NoError(t, err)
	assert.Equal(t, automation.AutomationVersion{
		AutomationID: "welcome", Version: 1, Name: "welcome", CreatedAt: world.Start, Author: "ada",
		Steps: first.Steps, Connections: first.Connections, Retry: first.Retry,
	}, v)
	page, err := w.ListVersions(w.Ctx, "welcome", automation.PageQuery{})
	require.NoError(t, err)
	assert.Equal(t, []automation.AutomationVersion{
		{AutomationID: "welcome", Version: 2, Name: "welcome", Current: true, CreatedAt: world.Start.Add(time.Hour), Author: "bob"},
		{AutomationID: "welcome", Version: 1, Name: "welcome", CreatedAt: world.Start, Author: "ada"},
	}, page.Data)
	assert.False(t, page.HasMore)
}

func TestHistory_UnknownVersionIsNamed(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	for _, version := range []int{2, 0, -1, math.MaxInt32 + 1} {
		_, err := w.GetAutomationVersion(w.Ctx, "welcome", version)
		require.ErrorIs(t, err, automation.ErrNotFound)
		assert.Regexp(t, `version -?\d+ of automation "welcome": not found`, err)
	}
	_, err := w.GetAutomationVersion(w.Ctx, "unknown", 1)
	require.ErrorIs(t, err, automation.ErrNotFound)
	_, err = w.ListVersions(w.Ctx, "unknown", automation.PageQuery{})
	require.ErrorIs(t, err, automation.ErrNotFound)
	_, err = w.ListVersions(w.Ctx, "welcome", automation.PageQuery{After: "first"})
	require.ErrorIs(t, err, automation.ErrNotFound)
	_, err = w.ListVersions(w.Ctx, "welcome", automation.PageQuery{Limit: 101})
	require.ErrorIs(t, err, automation.ErrInvalid)
}

// A version looks the same to every process, whether or not it has the step types.
func TestHistory_NeedsNoStepTypes(t *testing.T) {
	t.Parallel()
	w, _ := setupHooks(t, automation.StepOptions{})
	w.Create(world.Flow("custom", "signup", hook))
	plain := w.Opts
	plain.Registry = nil
	for _, r := range []*automation.Runner{w.Runner, w.Node(plain)} {
		v, err := r.GetAutomationVersion(w.Ctx, "custom", 1)
		require.NoError(t, err)
		assert.Equal(t, automation.RawConfig{Type: "acme.webhook", Config: []byte(`{"url":"https://example.com"}`)}, v.Steps[1].Config)
	}
	v, err := w.GetAutomationVersion(w.Ctx, "custom", 1)
	require.NoError(t, err)
	a, err := w.UpdateAutomation(w.Ctx, "custom", automation.AutomationUpdate{Steps: v.Steps, Connections: v.Connections})
	require.NoError(t, err, "a version can be brought back")
	assert.Equal(t, hook.Config, a.Steps[1].Config)
}

func TestHistory_DamagedVersionBlamesNoInput(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	require.NoError(t, w.Store.InsertAutomation(w.Ctx, automation.AutomationRecord{ID: "bad", Version: 1, Revision: 1, Definition: []byte("{")}))
	_, err := w.GetAutomationVersion(w.Ctx, "bad", 1)
	require.ErrorContains(t, err, `"bad", version 1 as stored`)
	assert.NotErrorIs(t, err, automation.ErrInvalid)
}

func TestHistory_EveryCallThatMakesAVersionRecordsItsActor(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	flow := world.Flow("welcome", "signup", world.Email("one"))
	_, err := w.Apply(by(w, "release 1"), flow)
	require.NoError(t, err)
	regraph(w, by(w, "ada"), "welcome", "two")
	name := "Renamed"
	_, err = w.UpdateAutomation(by(w, "bob"), "welcome", automation.AutomationUpdate{Name: &name})
	require.NoError(t, err)
	_, err = w.StopAutomation(by(w, "bob"), "welcome", automation.StopOptions{})
	require.NoError(t, err)
	_, err = w.UpdateAutomation(by(w, "eve"), "welcome", automation.AutomationUpdate{Retry: &automation.RetryPolicy{MaxAttempts: 2}})
	require.NoError(t, err)
	_, err = w.Apply(by(w, "release 2"), flow)
	require.NoError(t, err)
	regraph(w, w.Ctx, "welcome", "three")
	assert.Equal(t, []string{"release 1", "ada", "eve", "release 2", ""}, authors(w, "welcome"))

	duplicate, err := w.DuplicateAutomation(by(w, "bob"), "welcome")
	require.NoError(t, err)
	assert.Equal(t, []string{"bob"}, authors(w, duplicate.ID))
}

func TestHistory_ActorIsAStorableText(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"Ädä <ada@acme.test>":          "Ädä <ada@acme.test>",
		"a\x00b\nc\u0085d":             "abcd",
		"\xff":                         "\uFFFD",
		strings.Repeat("a", 300):       strings.Repeat("a", 255),
		"a" + strings.Repeat("ä", 200): "a" + strings.Repeat("ä", 127),
	} {
		assert.Equal(t, want, automation.ActorFrom(automation.WithActor(t.Context(), given)))
	}
	assert.Empty(t, automation.ActorFrom(t.Context()))
}

func TestHistory_PruningKeepsTheNewestVersionsAndThoseWithRuns(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Pause("rest", "1 day")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	for range automation.KeptVersions + 3 {
		regraph(w, w.Ctx, "welcome", "hello")
	}
	_, err := w.Prune(w.Ctx, 0)
	require.NoError(t, err)
	page, err := w.ListVersions(w.Ctx, "welcome", automation.PageQuery{Limit: 100})
	require.NoError(t, err)
	require.Len(t, page.Data, automation.KeptVersions+1)
	assert.Equal(t, 1, page.Data[automation.KeptVersions].Version, "a run needs the first version")
	assert.Equal(t, 5, page.Data[automation.KeptVersions-1].Version)

	require.NoError(t, w.DeleteAutomation(w.Ctx, "welcome"))
	page, err = w.ListVersions(w.Ctx, "welcome", automation.PageQuery{})
	require.NoError(t, err)
	require.Len(t, page.Data, 1, "of a deleted automation only versions with runs stay")
	assert.False(t, page.Data[0].Current)
}

func TestHistory_StaleUpdateNamesTheRevision(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	a := w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	regraph(w, w.Ctx, a.ID, "other")
	name := "Late"
	_, err := w.UpdateAutomation(w.Ctx, a.ID, automation.AutomationUpdate{Name: &name, Revision: a.Revision})
	require.ErrorIs(t, err, automation.ErrConflict)
	var stale *automation.RevisionError
	require.ErrorAs(t, err, &stale)
	assert.Equal(t, automation.RevisionError{AutomationID: "welcome", Current: 2, Given: 1}, *stale)

	w.Store.OnFindAutomation = func(ctx context.Context, store automation.Store, id string) (automation.AutomationRecord, error) {
		w.Store.OnFindAutomation = nil
		rec, err := store.FindAutomation(ctx, id)
		regraph(w, ctx, a.ID, "meanwhile")
		return rec, err
	}
	_, err = w.UpdateAutomation(w.Ctx, a.ID, automation.AutomationUpdate{Name: &name})
	require.ErrorAs(t, err, &stale)
	assert.Equal(t, 3, stale.Current)
}
