package automation

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// thirds is the split of the test vectors.
var thirds = Split{Salt: "spring", Variants: []Variant{{Name: "a", Weight: 45}, {Name: "b", Weight: 45}, {Name: "none", Weight: 10, Holdout: true}}}

func TestAdvance_Split(t *testing.T) {
	t.Parallel()
	for contact, tc := range map[string]struct {
		branches []ConnectionType
		branch   ConnectionType
		output   string
		step     string
	}{
		"contact-3": {[]ConnectionType{"a", "b"}, "a", `{"branch":"a"}`, "a"},
		"contact-1": {[]ConnectionType{"a", "b"}, "b", `{"branch":"b"}`, "b"},
		"contact-2": {[]ConnectionType{"a", "b"}, "none", `{"branch":"none","holdout":true}`, ""},
	} {
		t.Run(contact, func(t *testing.T) {
			t.Parallel()
			f := newFlow(t, fork(thirds, tc.branches...), CompileOptions{})
			f.data.Contact.ID = contact
			f.start()
			assert.Equal(t, tc.branch, f.step("split").Branch)
			assert.Equal(t, tc.output, string(f.step("split").Output))
			if tc.step == "" {
				f.requireEnd(RunCompleted, "")
			} else {
				assert.Equal(t, tc.step, f.action.Step)
			}
			f.data.Contact.ID = "contact-9"
			f.pass(0)
			f.state = restored(t, f.state)
			assert.Equal(t, tc.branch, f.step("split").Branch, "a run keeps its variant")
		})
	}
}

func TestAdvance_SplitBy(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		by, payload string
		unit        string // "" if the step fails
		message     string
	}{
		"contact":           {"contact", "", "contact-1", ""},
		"run":               {"run", "", "run-1", ""},
		"text":              {"event.team", `{"team":"acme"}`, "acme", ""},
		"nested":            {"event.team.id", `{"team":{"id":"acme"}}`, "acme", ""},
		"number":            {"event.team", `{"team":5}`, "5", ""},
		"number, point":     {"event.team", `{"team":5.0}`, "5", ""},
		"number, exponent":  {"event.team", `{"team":50e-1}`, "5", ""},
		"number, too large": {"event.team", `{"team":9007199254740993}`, "9007199254740993", ""},
		"boolean":           {"event.team", `{"team":true}`, "true", ""},
		"absent":            {"event.team", `{}`, "", `automation: "event.team" has no value for this run`},
		"null":              {"event.team", `{"team":null}`, "", `automation: "event.team" has no value for this run`},
		"object":            {"event.team", `{"team":{}}`, "", `automation: "event.team" is of type object, and a split needs a text, a number or a boolean`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Split{By: tc.by, Variants: []Variant{{Name: "a", Weight: 1}, {Name: "b", Weight: 1}}}
			a := fork(s, "a", "b")
			a.ID = "welcome"
			f := startFlow(t, a, CompileOptions{}, tc.payload)
			if tc.unit == "" {
				f.requireEnd(RunFailed, FailedReference)
				assert.Equal(t, tc.message, f.state.failure().Message)
				assert.Empty(t, f.step("split").Branch)
				return
			}
			want := s.Outcomes()[VariantIndex("welcome/split", tc.unit, []int{1, 1})]
			assert.Equal(t, want, f.step("split").Branch)
		})
	}
}

// A contact has one variant in all versions of an automation, whatever else changes.
func TestAdvance_SplitDependsOnTheSaltAndTheUnitOnly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id, contact := rapid.String().Draw(t, "automation"), rapid.StringN(1, 20, -1).Draw(t, "contact")
		variant := func(runID, email string, more ...StepConfig) ConnectionType {
			a := fork(thirds, "a")
			a.ID, a.Steps[1].Config = id, Split{Variants: thirds.Variants}
			for _, config := range more {
				a.Steps = append(a.Steps, Step{Key: "more", Config: config})
				a.Connections = append(a.Connections, Connection{From: "a", To: "more"})
			}
			g, err := compile(a, CompileOptions{})
			require.NoError(t, err)
			s, _, err := g.Advance(State{RunID: runID}, Input{Kind: InputStarted, Now: flowStart, Data: Data{Contact: &Contact{ID: contact, Email: email}}})
			require.NoError(t, err)
			return g.StepRuns(s)[1].Branch
		}
		require.Equal(t, variant("run-1", "ada@example.com"), variant("run-2", "bob@example.com", hour))
	})
}
