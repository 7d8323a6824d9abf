package scenario_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestGetContacts_LeavesOutUnknownIDs(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	for _, id := range []string{"u-ada", "u-bob"} {
		_, err := w.CreateContact(w.Ctx, automation.Contact{ID: id, Email: id + "@example.com"})
		require.NoError(t, err)
	}
	for _, tt := range []struct{ ids, want []string }{
		{nil, nil},
		{[]string{"", "a\x00b", "\xff", strings.Repeat("x", 256)}, nil},
		{[]string{"u-bob", "gone", "", "u-ada", "u-bob"}, []string{"u-ada", "u-bob"}},
	} {
		found, err := w.GetContacts(w.Ctx, tt.ids)
		require.NoError(t, err)
		assert.NotNil(t, found)
		assert.Equal(t, tt.want, slices.Sorted(maps.Keys(found)))
		for id, c := range found {
			assert.Equal(t, id+"@example.com", c.Email)
		}
	}
}

func TestGetContacts_IsBounded(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	ids := make([]string, 1000)
	for i := range ids {
		ids[i] = fmt.Sprint("u", i)
	}
	_, err := w.GetContacts(w.Ctx, append(ids, ids...))
	require.NoError(t, err, "an id counts once")
	_, err = w.GetContacts(w.Ctx, append(ids, "one more"))
	var invalid *automation.ValidationError
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, automation.CodeLimit, invalid.Problems[0].Code)
}

func TestListContacts_RefusesAPrefixThatNoEmailHas(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	for _, prefix := range []string{"\xff", "a\x00", "a\n", strings.Repeat("a", 256)} {
		_, err := w.ListContacts(w.Ctx, automation.ContactQuery{EmailPrefix: prefix})
		var invalid *automation.ValidationError
		require.ErrorAs(t, err, &invalid, "%q", prefix)
		assert.Equal(t, "email_prefix", invalid.Problems[0].Path)
	}
	_, err := w.ListContacts(w.Ctx, automation.ContactQuery{EmailPrefix: "a", PageQuery: automation.PageQuery{Limit: 1000}})
	assert.ErrorIs(t, err, automation.ErrInvalid)
}

// searchable is a contact table with both optional interfaces.
type searchable struct {
	*world.Users
	list func(q automation.ContactQuery) (automation.Page[automation.Contact], error)
	find func(ids []string) ([]automation.Contact, error)
}

func (s *searchable) ListContacts(_ context.Context, q automation.ContactQuery) (automation.Page[automation.Contact], error) {
	return s.list(q)
}

func (s *searchable) FindContacts(_ context.Context, ids []string) ([]automation.Contact, error) {
	return s.find(ids)
}

func TestDirectory_IsSearchedIfItCanBe(t *testing.T) {
	t.Parallel()
	var asked automation.ContactQuery
	s := &searchable{Users: world.NewUsers(world.Ada), list: func(q automation.ContactQuery) (automation.Page[automation.Contact], error) {
		asked = q
		return automation.Page[automation.Contact]{Data: []automation.Contact{world.Ada}, HasMore: true}, nil
	}}
	w := world.New(t, automation.Options{Contacts: s})
	page, err := w.ListContacts(w.Ctx, automation.ContactQuery{EmailPrefix: "ad", Segment: "vip"})
	require.NoError(t, err)
	assert.Equal(t, automation.Page[automation.Contact]{Data: []automation.Contact{world.Ada}, HasMore: true}, page)
	assert.Equal(t, automation.ContactQuery{EmailPrefix: "ad", Segment: "vip", PageQuery: automation.PageQuery{Limit: 20}}, asked)
}

func TestDirectory_FindsManyAtOnceIfItCan(t *testing.T) {
	t.Parallel()
	bob := automation.Contact{ID: "u-bob", Email: "bob@example.com"}
	want := map[string]automation.Contact{"u-ada": world.Ada, "u-bob": bob}
	ids := []string{"u-ada", "gone", "u-bob", "u-ada"}

	u := world.NewUsers(world.Ada, bob)
	found, err := world.NewWithUsers(t, u, automation.Options{}).GetContacts(t.Context(), ids)
	require.NoError(t, err)
	assert.Equal(t, want, found)
	assert.Equal(t, 3, u.Calls("find"), "one call for each id")
	u.Fail = func(string) error { return world.ErrOutage }
	_, err = world.NewWithUsers(t, u, automation.Options{}).GetContacts(t.Context(), ids)
	require.ErrorIs(t, err, world.ErrOutage)

	var asked [][]string
	s := &searchable{Users: world.NewUsers(), find: func(ids []string) ([]automation.Contact, error) {
		asked = append(asked, ids)
		return []automation.Contact{bob, world.Ada}, nil
	}}
	found, err = world.New(t, automation.Options{Contacts: s}).GetContacts(t.Context(), ids)
	require.NoError(t, err)
	assert.Equal(t, want, found)
	assert.Equal(t, [][]string{{"u-ada", "gone", "u-bob"}}, asked)
}

func TestHostile_DirectoryThatCannotBeSearchedFailsTheCall(t *testing.T) {
	t.Parallel()
	one := func(err error) (automation.Page[automation.Contact], error) {
		return automation.Page[automation.Contact]{Data: []automation.Contact{{Email: "ada@example.com"}}, HasMore: true}, err
	}
	for name, tt := range map[string]struct {
		list func(q automation.ContactQuery) (automation.Page[automation.Contact], error)
		want string
	}{
		"panic": {func(automation.ContactQuery) (automation.Page[automation.Contact], error) { panic("no such table") }, "no such table"},
		"error": {func(automation.ContactQuery) (automation.Page[automation.Contact], error) {
			return one(world.ErrOutage)
		}, "refused"},
		"contact without id": {func(automation.ContactQuery) (automation.Page[automation.Contact], error) { return one(nil) }, "without an id"},
	} {
		s := &searchable{world.NewUsers(), tt.list, func([]string) ([]automation.Contact, error) {
			p, err := tt.list(automation.ContactQuery{})
			return p.Data, err
		}}
		w := world.New(t, automation.Options{Contacts: s})
		page, err := w.ListContacts(w.Ctx, automation.ContactQuery{})
		require.ErrorContains(t, err, tt.want, name)
		assert.Empty(t, page, name)
		found, err := w.GetContacts(w.Ctx, []string{"u-ada"})
		require.ErrorContains(t, err, tt.want, name)
		assert.Nil(t, found, name)
	}
}

func TestDirectory_WithoutSearchRefusesIt(t *testing.T) {
	t.Parallel()
	w := world.NewWithUsers(t, world.NewUsers(world.Ada), automation.Options{})
	_, err := w.ListContacts(w.Ctx, automation.ContactQuery{EmailPrefix: "ada"})
	assert.ErrorIs(t, err, errors.ErrUnsupported)
}

func TestRunner_DescribesWhatItsAutomationsCanHave(t *testing.T) {
	t.Parallel()
	reg := automation.NewRegistry()
	automation.Handle(reg, func(context.Context, automation.Call, webhook) (automation.Result, error) {
		return automation.Result{}, nil
	}, automation.StepOptions{})
	w := world.New(t, automation.Options{Registry: reg, Limits: automation.Limits{Steps: 7}})
	assert.Equal(t, 7, w.Limits().Steps)
	assert.Equal(t, 128, w.Limits().StepKeyBytes, "a default")

	infos := map[automation.StepType]automation.StepTypeInfo{}
	var builtin, custom []automation.StepType
	for _, info := range w.StepTypes() {
		infos[info.Type] = info
		if info.BuiltIn {
			builtin = append(builtin, info.Type)
		} else {
			custom = append(custom, info.Type)
		}
	}
	assert.Equal(t, []automation.StepType{
		automation.TypeAddToSegment, automation.TypeBranch, automation.TypeCondition, automation.TypeContactDelete, automation.TypeContactUpdate,
		automation.TypeDelay, automation.TypeDelayUntil, automation.TypeRemoveFromSegment, automation.TypeSendEmail, automation.TypeSendEvent,
		automation.TypeSplit, automation.TypeTrigger, automation.TypeWaitForAny, automation.TypeWaitForEvent, automation.TypeWindow,
	}, builtin)
	assert.Equal(t, []automation.StepType{"acme.webhook"}, custom)
	assert.Empty(t, infos[automation.TypeContactDelete].Branches)
	assert.Empty(t, infos[automation.TypeSplit].Branches)
	assert.Equal(t, []automation.ConnectionType{automation.ConnectionDefault}, infos[automation.TypeBranch].Branches)
	assert.Equal(t, []automation.ConnectionType{automation.ConnectionConditionMet, automation.ConnectionConditionNotMet}, infos[automation.TypeCondition].Branches)
	assert.Equal(t, automation.ConfigRule, infos[automation.TypeCondition].Config.Kind)
	assert.Equal(t, []automation.ConfigField{{Name: "duration", Required: true, ConfigType: automation.ConfigType{Kind: automation.ConfigDuration}}},
		infos[automation.TypeDelay].Config.Fields)
	assert.Equal(t, automation.ConfigObject, infos["acme.webhook"].Config.Kind)

	infos[automation.TypeCondition].Branches[0] = "changed"
	assert.Equal(t, automation.ConnectionConditionMet, w.StepTypes()[2].Branches[0], "the caller may change what it gets")
	assert.Len(t, world.New(t, automation.Options{}).StepTypes(), 15)
}
