package automation

// Value is what a step's config holds where text or data can be inserted: a
// literal, or a reference to data of the run. Its zero value means "absent".
// Values are comparable with ==.
//
// In JSON a literal is itself and a reference is {"var": "event.plan"}.
type Value struct {
	kind valueKind
	text string // string literal, number as written, or the path of a reference
	yes  bool   // boolean literal
}

type valueKind uint8

const (
	valueAbsent valueKind = iota
	valueNull
	valueString
	valueNumber
	valueBool
	valueVar
	valueInvalid // made by ValueOf from a Go type that JSON scalars cannot hold
)
