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

// Replace returns the text of the document with other values for some members of
// object n, which is the document itself or lies anywhere in it. The rest of the text
// stays byte for byte the same.
func (d *Doc) Replace(n int, values map[string]any) ([]byte, error) {
	text := make([]byte, 0, len(d.data)+2*len(values))
	from := int32(0)
	for key, value := range d.Members(n) {
		v, ok := values[d.Text(key)]
		if !ok {
			continue
		}
		encoded, err := Encode(v)
		if err != nil {
			return nil, err
		}
		text = append(append(text, d.data[from:d.nodes[value].start]...), encoded...)
		from = d.nodes[value].end
	}
	return append(text, d.data[from:]...), nil
}
