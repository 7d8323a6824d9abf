package automation

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestVariantIndex_HasTheseResultsForEver(t *testing.T) {
	t.Parallel()
	for unit, want := range map[string]int{"contact-1": 1, "contact-2": 2, "contact-3": 0} {
		assert.Equal(t, want, VariantIndex("spring", unit, []int{45, 45, 10}), unit)
	}
	assert.Equal(t, 0, VariantIndex("", "", []int{1}))
	for _, weights := range [][]int{nil, {}, {0, 0}, {5, -1}} {
		assert.Equal(t, -1, VariantIndex("spring", "contact-1", weights), weights)
	}
}

func genWeights(t *rapid.T) []int {
	weights := rapid.SliceOfN(rapid.IntRange(0, maxWeight), 1, 10).Draw(t, "weights")
	weights[rapid.IntRange(0, len(weights)-1).Draw(t, "heavy")] += 1
	return weights
}

// The definition, in exact arithmetic.
func TestVariantIndex_IsAsDefined(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		weights, salt, unit := genWeights(t), rapid.String().Draw(t, "salt"), rapid.String().Draw(t, "unit")
		got := VariantIndex(salt, unit, weights)
		require.Positive(t, weights[got], "a variant with the weight 0 gets nobody")

		h := new(big.Int).SetUint64(hashOf(salt, unit))
		sum := int64(0)
		for _, w := range weights {
			sum += int64(w)
		}
		place, border := h.Mul(h, big.NewInt(sum)), int64(0)
		want := slices.IndexFunc(weights, func(w int) bool {
			border += int64(w)
			return new(big.Int).Lsh(big.NewInt(border), 64).Cmp(place) > 0
		})
		require.Equal(t, want, got)
	})
}

// A change of weights moves only those between the old borders and the new ones.
func TestVariantIndex_MovesFewWhenWeightsChange(t *testing.T) {
	t.Parallel()
	const units = 200_000
	moved := 0
	for i := range units {
		unit := fmt.Sprint("contact-", i)
		before, after := VariantIndex("spring", unit, []int{50, 50}), VariantIndex("spring", unit, []int{60, 40})
		if before != after {
			moved++
			require.Equal(t, [2]int{1, 0}, [2]int{before, after}, "nobody moves away from the variant that grows")
		}
	}
	assert.InDelta(t, 0.10, float64(moved)/units, 0.003)
}

// Multiples of the weights divide as the weights do.
func TestVariantIndex_DependsOnRatiosOnly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		weights, unit := genWeights(t), rapid.String().Draw(t, "unit")
		factor := rapid.IntRange(1, 1000).Draw(t, "factor")
		larger := make([]int, len(weights))
		for i, w := range weights {
			larger[i] = w * factor
		}
		require.Equal(t, VariantIndex("salt", unit, weights), VariantIndex("salt", unit, larger))
	})
}

func TestVariantIndex_DividesAMillionByWeight(t *testing.T) {
	t.Parallel()
	const units = 1_000_000
	weights := []int{45, 0, 45, 10}
	counts := make([]int, len(weights))
	for i := range units {
		counts[VariantIndex("automation/step", fmt.Sprintf("%08x-contact", i), weights)]++
	}
	assert.Zero(t, counts[1])
	for i, w := range weights {
		assert.InDelta(t, float64(w)/100, float64(counts[i])/units, 0.002, "variant %d", i)
	}
}

// Splits with different salts are independent.
func TestVariantIndex_DiffersBetweenSalts(t *testing.T) {
	t.Parallel()
	const units = 100_000
	same := 0
	for i := range units {
		unit := fmt.Sprint(i)
		if VariantIndex("a", unit, []int{1, 1}) == VariantIndex("b", unit, []int{1, 1}) {
			same++
		}
	}
	assert.InDelta(t, 0.5, float64(same)/units, 0.01)
}

func TestSplit_NamesItsOutcomes(t *testing.T) {
	t.Parallel()
	s := Split{Variants: []Variant{{Name: "a"}, {Name: ""}, {Name: "b"}, {Name: "a"}}}
	assert.Equal(t, []ConnectionType{"a", "b"}, s.Outcomes())
	b := Branch{Branches: []BranchRule{{Name: "a"}, {Name: ""}, {Name: "a"}}}
	assert.Equal(t, "a default", strings.Join([]string{string(b.Outcomes()[0]), string(b.Outcomes()[1])}, " "))
}

func hashOf(salt, unit string) uint64 {
	digest := sha256.Sum256([]byte(salt + "\n" + unit))
	return binary.BigEndian.Uint64(digest[:8])
}
