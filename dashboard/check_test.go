package dashboard_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/diagram"
)

// answerAbout is what the server answers about a draft.
type answerAbout struct {
	Drawing struct {
		Width, Height int
		Steps         []struct {
			Key, Type, Summary string
			Branches           []struct{ Type, Word string }
			Problems           int
		}
		Connections, Open []struct{ From, To, Type, Path string }
	}
	Problems automation.Problems
}

func (s *site) check(document string) (int, answerAbout) {
	r := httptest.NewRequest(http.MethodPost, "/check", strings.NewReader(document))
	answer := httptest.NewRecorder()
	s.handler.ServeHTTP(answer, r)
	var about answerAbout
	_ = json.Unmarshal(answer.Body.Bytes(), &about)
	return answer.Code, about
}

func TestCheck_DrawsADraftAndItsOpenBranches(t *testing.T) {
	t.Parallel()
	status, about := newSite(t, dashboard.Options{}).check(`{"name": "A", "steps": [
		{"key": "start", "type": "trigger", "config": {"event_name": "signup"}},
		{"key": "wait", "type": "wait_for_event", "config": {"event_name": "paid", "timeout": "1 day"}}
	], "connections": [{"from": "start", "to": "wait"}]}`)
	require.Equal(t, http.StatusOK, status)
	require.Len(t, about.Drawing.Steps, 2)
	require.Len(t, about.Drawing.Connections, 1)
	require.Len(t, about.Drawing.Open, 2)
	assert.Equal(t, "event_received", about.Drawing.Open[0].Type)
	assert.Equal(t, "timeout", about.Drawing.Open[1].Type)
	assert.Empty(t, about.Problems.Errors())
}

// The words for branches have one source, which the drawings of package diagram use too.
func TestCheck_GivesTheWordOfEachBranch(t *testing.T) {
	t.Parallel()
	_, about := newSite(t, dashboard.Options{}).check(`{"name": "A", "steps": [
		{"key": "start", "type": "trigger", "config": {"event_name": "signup"}},
		{"key": "wait", "type": "wait_for_event", "config": {"event_name": "paid", "timeout": "1 day"}},
		{"key": "check", "type": "condition", "config": {"field": "event.plan", "operator": "exists"}},
		{"key": "other", "type": "not.registered", "config": {}}
	], "connections": []}`)
	words := map[string]string{}
	for _, step := range about.Drawing.Steps {
		for _, branch := range step.Branches {
			assert.Equal(t, diagram.BranchWord(automation.ConnectionType(branch.Type)), branch.Word)
			words[step.Key+" "+branch.Type] = branch.Word
		}
	}
	assert.Equal(t, map[string]string{
		"start default": "", "wait event_received": "received", "wait timeout": "timed out",
		"check condition_met": "met", "check condition_not_met": "not met", "other default": "",
	}, words)
}

// A step that cannot be decoded does not hide the problems of the others.
func TestCheck_MergesProblemsOfDecodingAndOfValidation(t *testing.T) {
	t.Parallel()
	_, about := newSite(t, dashboard.Options{}).check(`{"name": "A", "steps": [
		{"key": "start", "type": "trigger", "config": {"event_name": "signup"}},
		{"key": "pause", "type": "delay", "config": {"duration": 5}},
		{"key": "hello", "type": "send_email", "config": {"template": {"id": ""}}}
	], "connections": [{"from": "start", "to": "pause"}, {"from": "pause", "to": "hello"}]}`)
	steps := map[string]int{}
	for _, p := range about.Problems.Errors() {
		steps[p.Step]++
	}
	assert.Equal(t, map[string]int{"pause": 1, "hello": 1}, steps, "%s", about.Problems)
}

func TestCheck_RefusesWhatIsNoDocument(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	for _, document := range []string{"", "{", "[]", `"a"`, `{"steps": 5}`} {
		status, _ := s.check(document)
		assert.Equal(t, http.StatusBadRequest, status, document)
	}
	status, _ := s.check(`{"name": "` + strings.Repeat("a", 10<<20) + `"}`)
	assert.Equal(t, http.StatusRequestEntityTooLarge, status)
}

func FuzzCheck(f *testing.F) {
	f.Add(`{"name": "A", "steps": [{"key": "start", "type": "trigger", "config": {"event_name": "signup"}}], "connections": []}`)
	f.Add(`{"steps": [{"key": 1, "type": []}, 5, null, {"key": "a"}, {"key": "a"}], "connections": [{"from": "a", "to": "a"}, {"from": "b"}, 7]}`)
	f.Add(`{"steps": [null], "connections": [null]}`)
	s := newSite(f, dashboard.Options{})
	f.Fuzz(func(t *testing.T, document string) {
		status, about := s.check(document)
		if status != http.StatusOK && status != http.StatusBadRequest {
			t.Fatalf("status %d for %q", status, document)
		}
		for _, step := range about.Drawing.Steps {
			require.NotNil(t, step.Branches)
		}
	})
}

// A branch step has the branches that its config names. If the config cannot be decoded, the
// connections out of the step are no problems of their own.
func TestCheck_KnowsBranchesThatAConfigNames(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	document := func(rule string) string {
		return `{"name": "x", "steps": [{"key": "a", "type": "trigger", "config": {"event_name": "e"}},
			{"key": "sort", "type": "branch", "config": {"branches": [
				{"name": "pro", "rule": {"field": "event.plan", "operator": "eq", "value": "pro"}},
				{"name": "team", "rule": ` + rule + `}]}},
			{"key": "bye", "type": "contact_delete"}, {"key": "rest", "type": "delay", "config": {"duration": "1 day"}}],
			"connections": [{"from": "a", "to": "sort"}, {"from": "sort", "to": "bye", "type": "team"}, {"from": "sort", "to": "rest"}]}`
	}
	_, about := s.check(document(`{"field": "event.seats", "operator": "exists"}`))
	assert.Equal(t, []struct{ Type, Word string }{{"pro", "pro"}, {"team", "team"}, {"default", "default"}}, about.Drawing.Steps[1].Branches)
	assert.Equal(t, "pro, team", about.Drawing.Steps[1].Summary)
	require.Len(t, about.Problems, 1)
	assert.Equal(t, automation.CodeBranchUnconnected, about.Problems[0].Code)

	_, about = s.check(document(`5`))
	require.Len(t, about.Problems, 1, about.Problems)
	assert.Equal(t, automation.CodeWrongType, about.Problems[0].Code)
	assert.Equal(t, "sort", about.Problems[0].Step)
}

// A split has no default branch. The editor's form for a variant comes from its description.
func TestCheck_KnowsVariants(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	document := func(weight string) string {
		return `{"name": "x", "steps": [{"key": "a", "type": "trigger", "config": {"event_name": "e"}},
			{"key": "offer", "type": "split", "config": {"variants": [{"name": "ten", "weight": ` + weight + `}, {"name": "none", "weight": 1, "holdout": true}]}},
			{"key": "bye", "type": "contact_delete"}],
			"connections": [{"from": "a", "to": "offer"}, {"from": "offer", "to": "bye", "type": "ten"}]}`
	}
	_, about := s.check(document("9"))
	assert.Empty(t, about.Problems)
	assert.Equal(t, []struct{ Type, Word string }{{"ten", "ten"}, {"none", "none"}}, about.Drawing.Steps[1].Branches)
	assert.Equal(t, "ten 9, none 1", about.Drawing.Steps[1].Summary)
	for weight, code := range map[string]automation.Code{
		"33.3": automation.CodeInvalidWeights, "-1": automation.CodeInvalidWeights, "null": automation.CodeMissingField,
	} {
		_, about = s.check(document(weight))
		require.Len(t, about.Problems.Errors(), 1, about.Problems)
		assert.Equal(t, code, about.Problems[0].Code)
		assert.Equal(t, "offer", about.Problems[0].Step)
	}
}

// A wait for any of several events has a branch for each name, one for all events without a
// name, and one for the timeout.
func TestCheck_KnowsEventsOfAWait(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	document := func(name string) string {
		return `{"name": "x", "steps": [{"key": "a", "type": "trigger", "config": {"event_name": "e"}},
			{"key": "wait", "type": "wait_for_any", "config": {"events": [{"name": ` + name + `, "event_name": "paid"}, {"event_name": "left"}], "timeout": "1 day"}},
			{"key": "bye", "type": "contact_delete"}, {"key": "leave", "type": "remove_from_segment", "config": {"segment_id": "s"}}],
			"connections": [{"from": "a", "to": "wait"}, {"from": "wait", "to": "bye", "type": "paid"}, {"from": "wait", "to": "leave"}]}`
	}
	_, about := s.check(document(`"paid"`))
	assert.Empty(t, about.Problems)
	assert.Equal(t, []struct{ Type, Word string }{{"paid", "paid"}, {"event_received", "received"}, {"timeout", "timed out"}}, about.Drawing.Steps[1].Branches)
	assert.Equal(t, "paid or left, up to 1 day", about.Drawing.Steps[1].Summary)
	_, about = s.check(document(`5`))
	require.Len(t, about.Problems.Errors(), 1, about.Problems)
	assert.Equal(t, automation.CodeWrongType, about.Problems.Errors()[0].Code)
	assert.Equal(t, "wait", about.Problems.Errors()[0].Step)
}

// The editor has no forms of its own for what the server describes.
func TestCheck_DescribesTheForms(t *testing.T) {
	t.Parallel()
	type field struct {
		Name, Kind, Label, List string
		Choices                 []string
		Fields                  []field
		Element                 *field
	}
	var about struct {
		Adds  []struct{ Type, Name, Word string }
		Types map[string]struct{ Fields []field }
		Rules map[string][]field
	}
	r := httptest.NewRequest(http.MethodPost, "/check", strings.NewReader(`{}`))
	answer := httptest.NewRecorder()
	newSite(t, dashboard.Options{}).handler.ServeHTTP(answer, r)
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &about))

	added := map[string]bool{"trigger": true} // each automation has one
	for _, a := range about.Adds {
		added[a.Type] = true
		assert.NotEmpty(t, a.Name)
		assert.NotEmpty(t, a.Word)
	}
	for name := range about.Types {
		assert.True(t, added[name], "%s cannot be added", name)
	}
	find := func(fields []field, name string) field {
		for _, f := range fields {
			if f.Name == name {
				return f
			}
		}
		return field{}
	}
	assert.Equal(t, field{Name: "event_name", Kind: "string", Label: "Event", List: "events"}, find(about.Types["wait_for_event"].Fields, "event_name"))
	reentry := find(about.Rules["entry"], "reentry")
	assert.Equal(t, []string{"parallel", "ignore", "restart"}, find(reentry.Fields, "while_running").Choices)
	events := find(about.Rules["exit"], "events")
	require.NotNil(t, events.Element)
	assert.Equal(t, "rule", find(events.Element.Fields, "filter_rule").Kind)
	assert.Equal(t, "list", find(events.Element.Fields, "match").Kind)
}

// The forms of a step that is of one of several kinds have fields of the step, and begin with
// one of the fields that make the kind.
func TestCheck_DescribesTheKindsOfAStep(t *testing.T) {
	t.Parallel()
	about := newSite(t, dashboard.Options{}).forms()
	until := about.Types["delay_until"]
	require.Len(t, until.Kinds, 2)
	var named []string
	required := map[string]bool{}
	for _, f := range until.Fields {
		named, required[f.Name] = append(named, f.Name), f.Required
	}
	for _, kind := range until.Kinds {
		assert.Subset(t, named, kind.Fields)
		assert.True(t, required[kind.Fields[0]], "the form keeps %s when it is emptied", kind.Fields[0])
		assert.Contains(t, kind.Config, kind.Fields[0])
	}
	assert.Equal(t, []string{"zone"}, slices.DeleteFunc(named, func(name string) bool {
		return slices.ContainsFunc(until.Kinds, func(k describedKind) bool { return slices.Contains(k.Fields, name) })
	}), "both kinds have it")
	assert.Empty(t, about.Types["delay"].Kinds)
}

// A match has a form, although it may be a text or an object.
func TestCheck_DescribesTheFieldsOfAMatch(t *testing.T) {
	t.Parallel()
	about := newSite(t, dashboard.Options{}).forms()
	listener := describedField{Fields: about.Rules["exit"]}.field(t, "events").Element
	match := listener.field(t, "match").Element
	assert.Equal(t, "event", match.Short)
	for _, name := range []string{"event", "run"} {
		assert.Equal(t, automation.ConfigString, match.field(t, name).Kind)
	}
}

// describedField, describedKind and describedForms are what the server answers about forms.
type (
	describedField struct {
		Name, Short string
		Kind        automation.ConfigKind
		Required    bool
		Fields      []describedField
		Element     *describedField
	}
	describedKind struct {
		Name   string
		Fields []string
		Config map[string]any
	}
	describedForms struct {
		Types map[string]struct {
			Fields []describedField
			Kinds  []describedKind
		}
		Rules map[string][]describedField
	}
)

// field returns the field of an object.
func (f describedField) field(t *testing.T, name string) describedField {
	t.Helper()
	at := slices.IndexFunc(f.Fields, func(f describedField) bool { return f.Name == name })
	require.GreaterOrEqual(t, at, 0, name)
	return f.Fields[at]
}

// forms returns the forms of the editor.
func (s *site) forms() (about describedForms) {
	s.T.Helper()
	answer := httptest.NewRecorder()
	s.handler.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/check", strings.NewReader(`{}`)))
	require.NoError(s.T, json.Unmarshal(answer.Body.Bytes(), &about))
	return about
}
