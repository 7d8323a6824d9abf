package automation

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// Split divides contacts between variants, in proportion to their weights. The run takes the
// connection whose type is the name of its variant. Without such a connection the run
// completes. The variant follows from the salt and from By alone, see VariantIndex: an
// attempt, a version or an email address that changes moves no contact. A run that has a variant
// keeps it. Resend has no such step.
type Split struct {
	// Variants are at least two, and at most Limits.Variants, 10 by default. If weights
	// change, only contacts between the old and the new borders of the variants get another
	// one. Do not change the order of the variants, which moves many.
	Variants []Variant `json:"variants"`
	// Salt makes splits independent of each other: those with the same salt and weights give
	// a contact the same variant. Empty means <automation id>/<step key>.
	Salt string `json:"salt,omitempty"`
	// By is what a variant belongs to: "contact" (or empty), the id of the contact; "run", the
	// id of the run; or the path of a text, a number or a boolean in the payload of the event
	// that started the run, such as "event.team_id". If the payload has no such value, the
	// step fails with FailedReference.
	By string `json:"by,omitempty"`
}

// Variant is one of the variants of a Split.
type Variant struct {
	// Name is the type of the connection that leads on from the variant. The rules of
	// BranchRule.Name apply to it.
	Name string `json:"name"`
	// Weight is from 0 to 10,000, and not 0 for all variants. A variant with the weight 0
	// gets no contact.
	Weight int `json:"weight"`
	// Holdout marks a variant that is meant to have no connection: who gets it is left alone.
	Holdout bool `json:"holdout,omitzero"`
}

// The values of Split.By that are no paths.
const (
	splitByContact = "contact"
	splitByRun     = "run"
)

// StepType returns TypeSplit.
func (Split) StepType() StepType { return TypeSplit }

// Outcomes returns the types of the connections that can lead on from the step: the names of
// the variants in their order, each once and without empty names.
func (s Split) Outcomes() []ConnectionType {
	types := make([]ConnectionType, 0, len(s.Variants))
	for _, v := range s.Variants {
		types = appendOutcome(types, v.Name)
	}
	return types
}

// VariantIndex returns the index of the variant that a Split gives to a unit, such as the id
// of a contact. With it, a web page can show what belongs to the variant before the run comes
// to the step. A number in the payload is given as JavaScript writes it: 5 for 5.0 and 5e0.
//
// The variant is the first for which the sum of the weights up to its own, times 2⁶⁴, is
// greater than h times the sum of all weights. h is the number in the first 8 bytes,
// big-endian, of the SHA-256 of salt + "\n" + unit.
//
// VariantIndex returns -1 if a weight is negative, or if no weight is greater than 0.
func VariantIndex(salt, unit string, weights []int) int {
	var sum uint64
	for _, w := range weights {
		if w < 0 {
			return -1
		}
		sum += uint64(w)
	}
	digest := sha256.Sum256([]byte(salt + "\n" + unit))
	// The product has 128 bits. A border times 2⁶⁴ is greater than it if the border is greater
	// than its upper half, because the lower half is less than 2⁶⁴.
	place, _ := bits.Mul64(binary.BigEndian.Uint64(digest[:8]), sum)
	var border uint64
	for i, w := range weights {
		if border += uint64(w); place < border {
			return i
		}
	}
	return -1
}
