package jsondoc

import "encoding/json"

// Value returns the value at node n, with numbers as json.Number.
func (d *Doc) Value(n int) any {
	switch d.Kind(n) {
	case Null:
		return nil
	case Bool:
		return d.Literal(n) == "true"
	case Number:
		return json.Number(d.Literal(n))
	case String:
		return d.Text(n)
	case Array:
		return d.Array(n)
	default:
		return d.Object(n)
	}
}

// Array returns the elements of array n, as Value does.
func (d *Doc) Array(n int) []any {
	array := make([]any, 0, d.Count(n))
	for element := range d.Elements(n) {
		array = append(array, d.Value(element))
	}
	return array
}

// Object returns the members of object n, as Value does.
func (d *Doc) Object(n int) map[string]any {
	object := map[string]any{}
	for key, value := range d.Members(n) {
		object[d.Text(key)] = d.Value(value)
	}
	return object
}
