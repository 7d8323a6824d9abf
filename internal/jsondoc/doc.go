// Package jsondoc scans JSON strictly: one value in valid UTF-8, without duplicate
// keys, and with exact matching of keys. It also writes the paths and quotations of
// error messages.
package jsondoc

import (
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"slices"
)

// MaxNesting bounds the nesting of objects and arrays. A rule within the default
// limits uses less than a tenth of it.
const MaxNesting = 250

// Doc is a JSON text, scanned once and split into its values. encoding/json is not
// strict enough: it matches keys without regard to case, accepts duplicate keys, and
// scans nested values again on every level. A Doc is immutable and safe for concurrent use.
type Doc struct {
	data  []byte
	text  string // the same bytes, which the strings of the document share
	nodes []node
	// Repeated has the key nodes that repeat an earlier key of their object, in
	// ascending order.
	Repeated []int
}

// node is one value, or one key of an object. The nodes of a document are in the
// order of the text: the members of a container follow the container, and in an
// object each value follows its key.
type node struct {
	kind       Kind
	escaped    bool  // a string that contains a backslash
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

// Scan splits data into its values. The data must be one JSON value and nothing else,
// in valid UTF-8, nested at most MaxNesting deep. The document keeps data.
func Scan(data []byte) (*Doc, error) { return ScanWithin(data, MaxNesting) }

// ScanWithin is Scan with another limit for the nesting of objects and arrays. It is
// for callers that limit the nesting of each part of a document separately.
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

// Literal returns the text of node n as it is written in the document.
func (d *Doc) Literal(n int) string { return d.text[d.nodes[n].start:d.nodes[n].end] }

// Text returns the string or key n without its quotes and escapes.
func (d *Doc) Text(n int) string {
	node := d.nodes[n]
	if !node.escaped {
		return d.text[node.start+1 : node.end-1]
	}
	var s string
	if err := json.Unmarshal(d.Raw(n), &s); err != nil {
		return d.Literal(n) // cannot happen: the scanner checks the escapes
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

// Count returns the number of elements of array n, or of members of object n.
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

// IsRepeated reports whether key repeats an earlier key of its object.
func (d *Doc) IsRepeated(key int) bool {
	_, found := slices.BinarySearch(d.Repeated, key)
	return found
}

// Member returns the value of object n for key. It returns the last value of a
// repeated key, and -1 if n does not have the key.
func (d *Doc) Member(n int, key string) int {
	found := -1
	for k, value := range d.Members(n) {
		if d.Text(k) == key {
			found = value
		}
	}
	return found
}
