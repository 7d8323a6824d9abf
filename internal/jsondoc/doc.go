// Package jsondoc reads JSON strictly: one value, valid UTF-8, no key twice in an object,
// keys matched exactly. It also writes the paths and quotations of error messages.
package jsondoc

import (
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"slices"
)

// MaxNesting bounds how deep objects and arrays lie in each other. A rule within
// the limits nests less than a tenth of it.
const MaxNesting = 250

// Doc is a JSON text, scanned once and split into its values. encoding/json does not
// suffice for strict reading: it ignores the case of keys, accepts duplicate keys, and
// scans nested values again on every level. A Doc is immutable, and safe for concurrent use.
type Doc struct {
	data     []byte
	text     string // the same bytes; the strings read from the document share it
	nodes    []node
	Repeated []int // the key nodes that repeat an earlier key of their object, in ascending order
}

// node is one value, or one key of an object. The nodes of a document are in
// the order of the text: a container is followed by its members, and in an
// object every key by its value.
type node struct {
	kind       Kind
	escaped    bool  // a string that holds a backslash
	start, end int32 // the text from start to end, quotes included
	next       int32 // the first node after this one and everything inside it
}

// Kind is the type of a JSON value.
type Kind uint8

// The kinds.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// String returns the kind in words, such as "a string".
func (k Kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// Scan splits data, which must hold one JSON value and nothing else, in valid
// UTF-8, nested at most MaxNesting deep. The document keeps data.
func Scan(data []byte) (*Doc, error) { return ScanWithin(data, MaxNesting) }

// ScanWithin is Scan with another limit for the nesting of objects and arrays. It is for
// a reader whose parts have limits of their own.
func ScanWithin(data []byte, maxNesting int) (*Doc, error) {
	if len(data) > math.MaxInt32 {
		return nil, fmt.Errorf("a document of %d bytes is too large", len(data))
	}
	s := scanner{maxNesting: maxNesting, Doc: &Doc{
		data:  data,
		text:  string(data),
		nodes: make([]node, 0, len(data)/8+4),
	}}
	if err := s.document(); err != nil {
		return nil, err
	}
	return s.Doc, nil
}

// Kind returns the kind of node n.
func (d *Doc) Kind(n int) Kind { return d.nodes[n].kind }

// Raw returns the bytes of node n. The caller must not change them.
func (d *Doc) Raw(n int) []byte { return d.data[d.nodes[n].start:d.nodes[n].end] }

// Literal returns the original text of node n.
func (d *Doc) Literal(n int) string { return d.text[d.nodes[n].start:d.nodes[n].end] }

// Text returns the value of the string or key n, without quotes and escapes.
func (d *Doc) Text(n int) string {
	node := d.nodes[n]
	if !node.escaped {
		return d.text[node.start+1 : node.end-1]
	}
	var s string
	if err := json.Unmarshal(d.Raw(n), &s); err != nil {
		return d.Literal(n) // cannot happen: the scanner has validated the escapes
	}
	return s
}

// Members iterates over the keys of object n and their values.
func (d *Doc) Members(n int) iter.Seq2[int, int] {
	return func(yield func(key, value int) bool) {
		end := int(d.nodes[n].next)
		for key := n + 1; key < end; key = int(d.nodes[key+1].next) {
			if !yield(key, key+1) {
				return
			}
		}
	}
}

// Elements iterates over the elements of array n.
func (d *Doc) Elements(n int) iter.Seq[int] {
	return func(yield func(element int) bool) {
		end := int(d.nodes[n].next)
		for e := n + 1; e < end; e = int(d.nodes[e].next) {
			if !yield(e) {
				return
			}
		}
	}
}

// Count returns how many elements array n has, or how many members object n has.
func (d *Doc) Count(n int) int {
	count, end := 0, int(d.nodes[n].next)
	for i := n + 1; i < end; i = int(d.nodes[i].next) {
		count++
	}
	if d.Kind(n) == Object {
		count /= 2
	}
	return count
}

// IsRepeated reports whether an earlier key of the same object is the same as key.
func (d *Doc) IsRepeated(key int) bool {
	_, found := slices.BinarySearch(d.Repeated, key)
	return found
}

// Member returns the value that object n has for key, the last value if the key is
// repeated, or -1 if the object does not have the key.
func (d *Doc) Member(n int, key string) int {
	found := -1
	for k, value := range d.Members(n) {
		if d.Text(k) == key {
			found = value
		}
	}
	return found
}
