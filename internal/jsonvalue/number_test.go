package jsonvalue

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func mustNumber(t require.TestingT, text string) Number {
	n, ok := ParseNumber(text)
	require.True(t, ok, "%q is a number", text)
	return n
}

func TestNumber_ComparesExactly(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a    string
		want int
		b    string
	}{
		{"1", 0, "1"},
		{"1", -1, "2"},
		{"-1", -1, "1"},
		{"-2", -1, "-1"},
		{"0", 0, "-0"},
		{"0", 0, "0.000e99"},
		{"-0.0", 0, "0e999999999"},
		{"1", 0, "1.0"},
		{"1", 0, "10e-1"},
		{"100", 0, "1E2"},
		{"100", 0, "1e+2"},
		{"0.1", 0, "1e-1"},
		{"0.1", -1, "0.10000000000000000000000000001"},
		{"9007199254740993", 1, "9007199254740992"},
		{"9007199254740993", 0, "9007199254740993.0"},
		{"9223372036854775807", -1, "9223372036854775808"},
		{"-9223372036854775809", -1, "-9223372036854775808"},
		{"18446744073709551616", 1, "18446744073709551615"},
		{"123456789012345678", -1, "1234567890123456789"},
		{"1e400", 1, "1e399"},
		{"1e400", 0, "10e399"},
		{"-1e400", -1, "1e-400"},
		{"1e999999999", 1, "9e999999998"},
		{"1e-999999999", 1, "0"},
		{"1e-999999999", -1, "1e-999999998"},
		{"5e99999999999999999999", 1, "5"},
		{"-5e99999999999999999999", -1, "5e-99999999999999999999"},
		{"0.00001234", 0, "1234e-8"},
		{"12.34", -1, "12.341"},
		{"-12.34", 1, "-12.341"},
		{"10", -1, "49.5"},
		{"-0.5", -1, "0.25"},
		{"999999999999999999", 1, "0.1234567890123456"},
		{"-999999999999999999", -1, "-0.1234567890123456"},
		{"922.3372036854775", -1, "922.33720368547758"},
		{"9223372036854.7758", 1, "9223372036854.775"},
		{"100000000000000000", 0, "1e17"},
		{"0", -1, "0.0000000000000001"},
	} {
		t.Run(test.a+" "+test.b, func(t *testing.T) {
			t.Parallel()
			a, b := mustNumber(t, test.a), mustNumber(t, test.b)
			assert.Equal(t, test.want, a.Compare(b))
			assert.Equal(t, -test.want, b.Compare(a))
		})
	}
}

func TestNumber_RefusesWhatJSONDoes(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "e5", "1e5.5", "1e5e5", "0x10", "1_000", "1e1_0",
		"NaN", "Infinity", " 1", "1 ", "--1", "1e--5", "1.2.3", "１", "1.-5", "00.5",
	} {
		_, ok := ParseNumber(text)
		assert.False(t, ok, "%q", text)
	}
}

func TestNumberOf_AcceptsEveryKind(t *testing.T) {
	t.Parallel()
	type seats uint16
	for _, test := range []struct {
		given any
		want  string
	}{
		{int8(-5), "-5"},
		{int64(math.MinInt64), "-9223372036854775808"},
		{uint64(math.MaxUint64), "18446744073709551615"},
		{seats(7), "7"},
		{uintptr(1), "1"},
		{0.1, "0.1"},
		{float32(0.1), "0.1"},
		{1e6, "1000000"},
		{1e20, "100000000000000000000"},
		{1e21, "1e+21"},
		{1e-7, "1e-07"},
		{math.Copysign(0, -1), "0"},
		{float64(1 << 53), "9007199254740992"},
		{5e-324, "5e-324"},
		{math.MaxFloat64, "1.7976931348623157e+308"},
	} {
		t.Run(fmt.Sprintf("%T %v", test.given, test.given), func(t *testing.T) {
			t.Parallel()
			n, ok := NumberOf(reflect.ValueOf(test.given))
			require.True(t, ok)
			assert.Equal(t, test.want, n.String())
			assert.Zero(t, n.Compare(mustNumber(t, n.String())))
		})
	}
	for _, given := range []any{math.NaN(), math.Inf(1), float32(math.Inf(-1)), "1", true, []int{1}} {
		_, ok := NumberOf(reflect.ValueOf(given))
		assert.False(t, ok, "%v", given)
	}
}

func TestNumber_ComparesWithoutAllocating(t *testing.T) {
	for _, pair := range [][2]string{{"5", "6"}, {"5", "6.25"}, {"9007199254740993", "9007199254740993.5"}, {"1e999999999", "1e-400"}} {
		a, b := mustNumber(t, pair[0]), mustNumber(t, pair[1])
		assert.Zero(t, testing.AllocsPerRun(100, func() { _ = a.Compare(b) }), pair)
	}
}

// drawNumber draws the text of a JSON number. Many of these numbers are close to each
// other.
func drawNumber(t *rapid.T, label string) string {
	return rapid.OneOf(
		rapid.Map(rapid.Int64(), func(n int64) string { return strconv.FormatInt(n, 10) }),
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,2})(\.[0-9]{1,3})?([eE][+-]?[0-3])?`),
		rapid.StringMatching(`-?[1-9][0-9]{15,22}(\.0{0,2}[0-9])?`),
		rapid.StringMatching(`-?[1-9]e-?99999999[0-9]`),
	).Draw(t, label)
}

func TestNumber_OrderIsTotal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := mustNumber(t, drawNumber(t, "a"))
		b := mustNumber(t, drawNumber(t, "b"))
		c := mustNumber(t, drawNumber(t, "c"))
		assert.Zero(t, a.Compare(a), "reflexive")
		assert.Equal(t, -a.Compare(b), b.Compare(a), "antisymmetric")
		if a.Compare(b) <= 0 && b.Compare(c) <= 0 {
			assert.LessOrEqual(t, a.Compare(c), 0, "transitive")
		}
		if a.Compare(b) == 0 {
			assert.Equal(t, a.Compare(c), b.Compare(c), "equals are interchangeable")
		}
	})
}

func TestNumber_ComparesShortDecimalsExactly(t *testing.T) {
	t.Parallel()
	short := rapid.OneOf(
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,16})`),
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,7})\.[0-9]{1,8}`),
		rapid.StringMatching(`-?[0-9]\.[0-9]{1,16}`),
	)
	rapid.Check(t, func(t *rapid.T) {
		a, b, integer := short.Draw(t, "a"), short.Draw(t, "b"), rapid.Int64().Draw(t, "Go integer")
		x, _ := ratOf(a)
		y, _ := ratOf(b)
		assert.True(t, mustNumber(t, a).isSmall)
		assert.Equal(t, x.Cmp(y), mustNumber(t, a).Compare(mustNumber(t, b)))
		assert.Equal(t, new(big.Rat).SetInt64(integer).Cmp(y), smallNumber(integer).Compare(mustNumber(t, b)))
	})
}

func TestNumber_ComparesTheLeastGoInteger(t *testing.T) {
	t.Parallel()
	least := smallNumber(math.MinInt64)
	assert.Equal(t, -1, least.Compare(mustNumber(t, "-0.1")))
	assert.Equal(t, 1, mustNumber(t, "-0.1").Compare(least))
	assert.Equal(t, 1, least.Compare(mustNumber(t, "-9223372036854775808.1")))
}

// ratOf converts a number to a big.Rat, the reference for comparisons. The second result
// is false for large exponents, for which a big.Rat is slow.
func ratOf(text string) (*big.Rat, bool) {
	if _, exponent, ok := strings.Cut(strings.ToLower(text), "e"); ok {
		if n, err := strconv.Atoi(exponent); err != nil || n < -400 || n > 400 {
			return nil, false
		}
	}
	return new(big.Rat).SetString(text)
}

func FuzzCompareNumbers(f *testing.F) {
	for _, seed := range [][2]string{
		{"1", "1.0"}, {"0", "-0e5"}, {"9007199254740993", "9007199254740992"}, {"1e400", "10e399"},
		{"1e999999999", "1e-999999999"}, {"-0.5", "-5e-1"}, {"01", "1."},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		m, okA := ParseNumber(a)
		n, okB := ParseNumber(b)
		if !okA || !okB {
			return
		}
		got := m.Compare(n)
		assert.Equal(t, -got, n.Compare(m))
		x, okX := ratOf(a)
		y, okY := ratOf(b)
		if okX && okY {
			assert.Equal(t, cmp.Compare(x.Cmp(y), 0), got)
		}
	})
}

func BenchmarkNumberCompare(b *testing.B) {
	for name, pair := range map[string][2]string{
		"integers": {"42", "43"},
		"decimals": {"9007199254740993.25", "9007199254740993.5"},
		"huge":     {"1e999999999", "1.1e999999999"},
	} {
		b.Run(name, func(b *testing.B) {
			m, n := mustNumber(b, pair[0]), mustNumber(b, pair[1])
			b.ReportAllocs()
			for b.Loop() {
				_ = m.Compare(n)
			}
		})
	}
}

func TestNumber_CanonicalTextIsOneForEqualNumbers(t *testing.T) {
	t.Parallel()
	for want, texts := range map[string][]string{
		"0":                     {"0", "-0", "0.00", "0e5", "-0.0e-7"},
		"5":                     {"5", "5.0", "5e0", "50e-1", "0.5e1", "0.00000005E+8"},
		"-12.5":                 {"-12.5", "-12.50", "-125e-1"},
		"9007199254740993":      {"9007199254740993", "9007199254740993.0", "9.007199254740993e15"},
		"100000000000000000000": {"1e20", "100000000000000000000.0"},
		"1e+21":                 {"1e21", "1000000000000000000000"},
		"1.5e+300":              {"15e299"},
		"0.000001":              {"0.000001", "1e-6"},
		"1e-7":                  {"0.0000001", "10e-8"},
		"-1.25e-9":              {"-0.00000000125"},
		"1e+999999999":          {"1e999999999", "10e999999998"},
	} {
		for _, text := range texts {
			n, ok := ParseNumber(text)
			require.True(t, ok, text)
			assert.Equal(t, want, n.Canonical(), text)
		}
	}
	n, _ := NumberOf(reflect.ValueOf(int64(math.MinInt64)))
	assert.Equal(t, "-9223372036854775808", n.Canonical())
}

// Two numbers have the same text if and only if they are equal.
func TestNumber_CanonicalTextDecidesEquality(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`-?(0|[1-9][0-9]{0,3})(\.[0-9]{1,3})?(e-?[0-9])?`)
		n, _ := ParseNumber(number.Draw(t, "n"))
		m, _ := ParseNumber(number.Draw(t, "m"))
		require.Equal(t, n.Compare(m) == 0, n.Canonical() == m.Canonical(), "%s %s", n, m)
		again, ok := ParseNumber(n.Canonical())
		require.True(t, ok)
		require.Zero(t, n.Compare(again))
	})
}
