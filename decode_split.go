package automation

import (
	"reflect"
	"strconv"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// weightHint describes what a weight can be.
const weightHint = "weights are whole numbers, such as 333 of 1000 for 33.3 %"

// variant sets s to the shape of a Variant. It refuses a variant without a weight, which would
// otherwise get no contact.
func (m shapes) variant(s *shape) error {
	if err := m.structure(s, reflect.TypeFor[Variant]()); err != nil {
		return err
	}
	s.field("weight").shape = &shape{read: readWeight}
	s.read = func(r *reader, n int, v reflect.Value) {
		s.readStruct(r, n, v)
		if !r.lenient && r.doc.Kind(n) == jsondoc.Object && r.absent(n, "weight") {
			r.reportMissing(n, "weight", "the variant has no weight: give it one, which is 0 if no contact is to get it")
		}
	}
	return nil
}

func readWeight(r *reader, n int, v reflect.Value) {
	if !r.is(n, jsondoc.Number) {
		return
	}
	i, err := strconv.ParseInt(r.doc.Literal(n), 10, v.Type().Bits())
	if err != nil {
		r.report(n, CodeInvalidWeights, "%s is no weight: %s", jsondoc.Shorten(r.doc.Literal(n)), weightHint)
	}
	v.SetInt(i)
}
