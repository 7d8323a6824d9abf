package automation

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestValidate_Split(t *testing.T) {
	t.Parallel()
	both := []Connection{{"split", "a", "a"}, {"split", "b", "b"}}
	of := func(a, b int) []Variant { return []Variant{{Name: "a", Weight: a}, {Name: "b", Weight: b}} }
	for name, tt := range map[string]struct {
		config      Split
		connections []Connection
		want        []string
	}{
		"two halves": {Split{Variants: of(50, 50)}, both, nil},
		"by a field": {Split{Variants: of(0, 10_000), By: "event.team.id", Salt: "spring"}, both, nil},
		"a holdout":  {Split{Variants: append(of(1, 1), Variant{Name: "none", Weight: 1, Holdout: true})}, both, nil},
		"unconnected": {Split{Variants: append(of(1, 1), Variant{Name: "none", Weight: 1})}, both, []string{
			`warning variant_unconnected steps[1].config.variants[2]: the run ends with the variant "none": ` +
				`add a connection of type "none", or mark the variant as a holdout`,
		}},
		"all to one step": {Split{Variants: of(1, 1)}, []Connection{{"split", "a", "a"}, {"split", "a", "b"}, {From: "a", To: "b"}}, []string{
			`warning branches_meet_at_once steps[1]: all branches lead to step "a"`,
		}},
		"one variant": {Split{Variants: of(1, 1)[:1]}, []Connection{{"split", "a", "a"}, {From: "a", To: "b"}}, []string{
			"error missing_field steps[1].config.variants: there is nothing to split: give at least two variants",
		}},
		"no weights": {Split{Variants: of(0, 0)}, both, []string{
			"error invalid_weights steps[1].config.variants: all weights are 0, so no contact gets a variant",
		}},
		"bad weights": {Split{Variants: of(-1, 10_001)}, both, []string{
			"error invalid_weights steps[1].config.variants[0].weight: weight -1 is not between 0 and 10000: weights are whole numbers, such as 333 of 1000 for 33.3 %",
			"error invalid_weights steps[1].config.variants[1].weight: weight 10001 is not between 0 and 10000",
		}},
		"names": {Split{Variants: []Variant{{Name: "default", Weight: 1}, {Name: "b", Weight: 1}, {Name: "b", Weight: 1}}},
			[]Connection{{"split", "a", "default"}, {"split", "b", "b"}}, []string{
				`error reserved_branch_name steps[1].config.variants[0].name: the name "default" is reserved: choose another one for the variant`,
				`error duplicate_branch steps[1].config.variants[2].name: variant 2 of the step has the name "b" too: give every variant a name of its own`,
			}},
		"no default connection": {Split{Variants: of(1, 1)}, append([]Connection{{From: "split", To: "a"}}, both[1:]...), []string{
			`error invalid_connection_type connections[1].type: a step of type "split" has no connection of type "default": use "a" or "b"`,
		}},
		"by nothing": {Split{Variants: of(1, 1), By: "contact.email"}, both, []string{
			`error invalid_reference steps[1].config.by: "contact.email" is nothing to split by: use "contact", "run" or the path of a field in event.`,
		}},
		"a salt with a line break": {Split{Variants: of(1, 1), Salt: "a\nb"}, both, []string{
			`error invalid_config steps[1].config.salt: the salt "a\nb" must not contain control characters`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assertProblems(t, tt.want, Validate(Automation{
				Name: "Split", Steps: []Step{start, step("split", tt.config), step("a", aDelay), step("b", aDelay)},
				Connections: append(chain("start", "split"), tt.connections...),
			}, ValidateOptions{}))
		})
	}
}

func TestValidate_SplitIsBounded(t *testing.T) {
	t.Parallel()
	s := Split{}
	for i := range 11 {
		s.Variants = append(s.Variants, Variant{Name: fmt.Sprint(i), Weight: 1, Holdout: true})
	}
	assertProblems(t, []string{"error limit_exceeded steps[1].config.variants: the step has 11 variants, the limit is 10: raise Limits.Variants"},
		Validate(sequence(s), ValidateOptions{}))
	require.Empty(t, Validate(sequence(s), ValidateOptions{Limits: Limits{Variants: 11}}))
}

func TestSplit_DecodesStrictly(t *testing.T) {
	t.Parallel()
	const text = `{"key":"offer","type":"split","config":{"variants":[` +
		`{"name":"a","weight":45},{"name":"none","weight":10,"holdout":true}],"salt":"spring","by":"event.team"}}`
	var s Step
	require.NoError(t, json.Unmarshal([]byte(text), &s))
	assert.Equal(t, Split{Variants: []Variant{{Name: "a", Weight: 45}, {Name: "none", Weight: 10, Holdout: true}}, Salt: "spring", By: "event.team"}, s.Config)
	again, err := json.Marshal(s)
	require.NoError(t, err)
	assert.Equal(t, text, string(again))
	for config, want := range map[string]string{
		`{"variant": []}`: `config.variant: there is no field "variant": did you mean "variants"?`,
		`{"variants": [{"name": "a", "weight": 33.3}]}`:                "config.variants[0].weight: 33.3 is no weight: weights are whole numbers, such as 333 of 1000 for 33.3 %",
		`{"variants": [{"name": "a", "weight": "1"}]}`:                 "config.variants[0].weight: must be a number, not a string",
		`{"variants": [{"name": "a"}]}`:                                "config.variants[0].weight: the variant has no weight: give it one, which is 0 if no contact is to get it",
		`{"variants": [{"name": "a", "weight": 1, "holdout": "yes"}]}`: "config.variants[0].holdout: must be a boolean, not a string",
	} {
		err := json.Unmarshal([]byte(`{"key": "offer", "type": "split", "config": `+config+`}`), &s)
		var invalid *ValidationError
		require.ErrorAs(t, err, &invalid)
		assert.Equal(t, strings.Contains(config, "33.3"), invalid.Problems[0].Code == CodeInvalidWeights)
		require.ErrorContains(t, err, want)
	}
}
