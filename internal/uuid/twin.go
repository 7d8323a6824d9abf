package uuid

// Twin returns the UUID that differs from id in the last bit: for an event the id of the first
// run that it starts, and for such a run the id of its event. It returns "" if id is no UUID.
//
// A store that keeps an event in the row of its run therefore finds the event by the index of
// the runs' ids, and needs no second one.
func Twin(id string) string {
	b, ok := Parse(id)
	if !ok {
		return ""
	}
	b[15] ^= 1
	return Format(b)
}

// AreTwins reports whether two ids are twins.
func AreTwins(a, b string) bool {
	x, ok := Parse(a)
	y, alsoOK := Parse(b)
	x[15] ^= 1
	return ok && alsoOK && x == y
}
