// Package jsonvalue interprets JSON values: it compares numbers exactly, parses dates,
// and names types.
package jsonvalue

import (
	"cmp"
	"errors"
	"math"
	"math/bits"
	"reflect"
	"strconv"
	"strings"
)

// Number is an exact JSON number. Short numbers compare as machine integers. All others
// compare digit by digit, as they are written: nothing is rounded, and 1e999999999
// costs no more than 1.
type Number struct {
	text    string // as written; empty for a Go integer, which isSmall
	digits  int64  // with the sign and without the point
	places  uint8  // the number of digits after the point, below len(powersOfTen)
	isSmall bool   // digits and places are the number
}

// ParseNumber parses text in JSON's grammar for numbers. The second result is false if
// text is not in this grammar.
func ParseNumber(text string) (Number, bool) {
	if n, ok := parseSmall(text); ok {
		return n, true
	}
	_, ok := parseDecimal(text)
	return Number{text: text}, ok
}

// NumberOf converts a Go number of any type. A float stands for the shortest decimal
// that denotes it, as in JSON. The second result is false for NaN, for the infinities,
// and for a value that is no number.
func NumberOf(v reflect.Value) (Number, bool) {
	switch {
	case v.CanInt():
		return smallNumber(v.Int()), true
	case v.CanUint():
		return unsignedNumber(v.Uint()), true
	case v.CanFloat():
		return floatNumber(v.Float(), v.Type().Bits())
	default:
		return Number{}, false
	}
}

func smallNumber(n int64) Number { return Number{digits: n, isSmall: true} }

func unsignedNumber(n uint64) Number {
	if n <= math.MaxInt64 {
		return smallNumber(int64(n))
	}
	return Number{text: strconv.FormatUint(n, 10)}
}

func floatNumber(f float64, bits int) (Number, bool) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Number{}, false
	}
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return smallNumber(int64(f)), true
	}
	// Use an exponent where encoding/json uses one.
	format := byte('f')
	if abs := math.Abs(f); f != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return ParseNumber(strconv.FormatFloat(f, format, -1, bits))
}

// String returns the number in JSON.
func (n Number) String() string {
	if n.text != "" {
		return n.text
	}
	return strconv.FormatInt(n.digits, 10)
}

// maxPlain is how many digits Canonical writes before the point, and minPlain how many zeros
// after it, without an exponent. These are the numbers of JavaScript.
const (
	maxPlain = 21
	minPlain = -6
)

// Canonical returns the text that all equal numbers have, such as 5 for 5.0 and 5e0. A number
// that a float64 holds exactly is written as JavaScript writes it.
func (n Number) Canonical() string {
	d, _ := parseDecimal(n.String())
	if d.sign == 0 {
		return "0"
	}
	digits := strings.TrimRight((d.whole + d.frac)[d.lead:], "0")
	sign := ""
	if d.sign < 0 {
		sign = "-"
	}
	switch size := int64(len(digits)); {
	case d.scale > maxPlain || d.scale <= minPlain:
		return sign + withExponent(digits, d.scale-1)
	case d.scale <= 0:
		return sign + "0." + strings.Repeat("0", int(-d.scale)) + digits
	case size <= d.scale:
		return sign + digits + strings.Repeat("0", int(d.scale-size))
	default:
		return sign + digits[:d.scale] + "." + digits[d.scale:]
	}
}

// withExponent writes digits, of which the first is before the point, with an exponent.
func withExponent(digits string, exponent int64) string {
	if len(digits) > 1 {
		digits = digits[:1] + "." + digits[1:]
	}
	if exponent < 0 {
		return digits + "e" + strconv.FormatInt(exponent, 10)
	}
	return digits + "e+" + strconv.FormatInt(exponent, 10)
}

// Compare returns -1, 0 or 1 if n is less than, equal to or greater than m.
func (n Number) Compare(m Number) int {
	switch {
	case !n.isSmall || !m.isSmall:
		return compareDecimals(n.String(), m.String())
	case n.places < m.places:
		return compareScaled(n.digits, m.places-n.places, m.digits)
	case n.places > m.places:
		return -compareScaled(m.digits, n.places-m.places, n.digits)
	default:
		return cmp.Compare(n.digits, m.digits)
	}
}

// compareScaled compares a, scaled up by the given number of decimal places, with b.
func compareScaled(a int64, places uint8, b int64) int {
	size := uint64(a)
	if a < 0 {
		size = -size
	}
	high, size := bits.Mul64(size, powersOfTen[places])
	switch {
	case high > 0 || size > math.MaxInt64:
		return cmp.Compare(a, 0) // further from 0 than any b
	case a < 0:
		return cmp.Compare(-int64(size), b)
	default:
		return cmp.Compare(int64(size), b)
	}
}

func compareDecimals(a, b string) int {
	d, _ := parseDecimal(a)
	e, _ := parseDecimal(b)
	return d.compare(e)
}

// maxSmall is the longest length, without the sign, of which every number fits into an
// int64.
const maxSmall = 18

// powersOfTen has a power for every number of places of a small number.
var powersOfTen = [maxSmall]uint64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
}

// parseSmall parses a number of at most maxSmall characters, without an exponent.
func parseSmall(text string) (Number, bool) {
	unsigned, negative := strings.CutPrefix(text, "-")
	end := len(unsigned) // of the whole part
	if end == 0 || end > maxSmall {
		return Number{}, false
	}
	n := Number{text: text, isSmall: true}
	for i := range len(unsigned) {
		switch c := unsigned[i]; {
		case isDigit(c):
			n.digits = n.digits*10 + int64(c-'0')
		case c == '.' && end == len(unsigned):
			end, n.places = i, uint8(len(unsigned)-i-1)
		default:
			return Number{}, false
		}
	}
	if negative {
		n.digits = -n.digits
	}
	isInteger := end == len(unsigned)
	return n, end > 0 && (isInteger || n.places > 0) && (end == 1 || unsigned[0] != '0')
}

// decimal is a number, split into its parts. It shares the digits with its text.
type decimal struct {
	sign        int    // -1, 0 or 1
	whole, frac string // the digits before and after the point
	lead        int    // the index in whole+frac of the first digit that is not 0
	scale       int64  // the power of ten just above the leading digit
}

// maxExponent bounds exponents, because scales must not overflow. A larger exponent
// compares as maxExponent.
const maxExponent = 1 << 62

// parseDecimal splits text into its parts. The second result is false if text is not
// in JSON's grammar for numbers.
func parseDecimal(text string) (decimal, bool) {
	unsigned, negative := strings.CutPrefix(text, "-")
	mantissa, exponent, ok := cutExponent(unsigned)
	whole, frac, hasPoint := strings.Cut(mantissa, ".")
	if !ok || !isWhole(whole) || !isDigits(frac) || hasPoint && frac == "" {
		return decimal{}, false
	}
	d := decimal{sign: 1, whole: whole, frac: frac}
	if negative {
		d.sign = -1
	}
	for d.lead < d.len() && d.digit(d.lead) == '0' {
		d.lead++
	}
	if d.lead == d.len() {
		d.sign = 0
	}
	d.scale = exponent + int64(len(whole)-d.lead)
	return d, true
}

// cutExponent splits a number without a sign into its mantissa and its exponent.
func cutExponent(text string) (mantissa string, exponent int64, ok bool) {
	i := strings.IndexAny(text, "eE")
	if i < 0 {
		return text, 0, true
	}
	// For an exponent out of range, ParseInt returns the bound of int64.
	exponent, err := strconv.ParseInt(text[i+1:], 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return "", 0, false
	}
	return text[:i], max(-maxExponent, min(maxExponent, exponent)), true
}

func (d decimal) len() int { return len(d.whole) + len(d.frac) }

// digit returns the digit of whole+frac at index i, and '0' beyond the end.
func (d decimal) digit(i int) byte {
	if i < len(d.whole) {
		return d.whole[i]
	}
	if i -= len(d.whole); i < len(d.frac) {
		return d.frac[i]
	}
	return '0'
}

func (d decimal) compare(e decimal) int {
	switch {
	case d.sign != e.sign:
		return cmp.Compare(d.sign, e.sign)
	case d.sign == 0:
		return 0
	default:
		return d.sign * d.compareAbs(e)
	}
}

// compareAbs compares the absolute values. Neither number is zero.
func (d decimal) compareAbs(e decimal) int {
	if d.scale != e.scale {
		return cmp.Compare(d.scale, e.scale)
	}
	for i := range max(d.len()-d.lead, e.len()-e.lead) {
		if c := cmp.Compare(d.digit(d.lead+i), e.digit(e.lead+i)); c != 0 {
			return c
		}
	}
	return 0
}

// isWhole reports whether text is a whole number without a sign in JSON's grammar:
// digits without a leading 0, except for 0 itself.
func isWhole(text string) bool {
	return text != "" && isDigits(text) && (text[0] != '0' || len(text) == 1)
}

func isDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// ParseIndex parses an array index: a whole number that is not negative.
func ParseIndex(text string) (int, bool) {
	n, ok := parseSmall(text)
	if !ok || n.places > 0 || n.digits < 0 || text[0] == '-' {
		return 0, false
	}
	return int(n.digits), true
}
