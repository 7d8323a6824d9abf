package jsondoc

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxPath bounds the length of a path in bytes. A path may exceed it by one key.
// Without the bound, a small and deeply nested document could lead to messages of
// many megabytes.
const MaxPath = 1000

// Path returns the path from the root to node n, such as `steps[2].config.duration`.
// It searches from the root, because nodes do not have their parents. It ends the
// path at the first key or index that exceeds MaxPath.
func (d *Doc) Path(n int) string {
	var path []byte
	for at := 0; at < n && len(path) <= MaxPath; {
		if d.Kind(at) == Array {
			at, path = d.elementTowards(at, n, path)
		} else {
			at, path = d.memberTowards(at, n, path)
		}
	}
	return string(path)
}

// elementTowards returns the element of array at that contains n, and the path to the
// element.
func (d *Doc) elementTowards(at, n int, path []byte) (int, []byte) {
	i := 0
	for e := range d.Elements(at) {
		if n < int(d.nodes[e].next) {
			return e, AppendIndex(path, i)
		}
		i++
	}
	return n, path
}

// memberTowards returns the member of object at that contains n, and the path to the
// member.
func (d *Doc) memberTowards(at, n int, path []byte) (int, []byte) {
	for key, value := range d.Members(at) {
		if n < int(d.nodes[value].next) {
			return value, AppendKey(path, d.Text(key))
		}
	}
	return n, path
}

// Find returns the node at a path that Path returns. If there is none, such as at the path
// of a missing member, it returns the deepest node on the way.
func (d *Doc) Find(path string) int {
	at, walked := 0, ""
	for {
		next, longer := d.child(at, walked, path)
		if next < 0 {
			return at
		}
		at, walked = next, longer
	}
}

// child returns the value inside node at, whose path is walked, that is on the way to
// path, and its own path. It returns -1 if there is none.
func (d *Doc) child(at int, walked, path string) (int, string) {
	switch d.Kind(at) {
	case Array:
		i := 0
		for e := range d.Elements(at) {
			if p := string(AppendIndex([]byte(walked), i)); leadsTo(p, path) {
				return e, p
			}
			i++
		}
	case Object:
		for key, value := range d.Members(at) {
			if p := PathTo(walked, d.Text(key)); leadsTo(p, path) {
				return value, p
			}
		}
	}
	return -1, ""
}

func leadsTo(base, path string) bool {
	rest, ok := strings.CutPrefix(path, base)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// Position returns the line and the column, in characters, at which node n begins. Both
// count from 1.
func (d *Doc) Position(n int) (line, column int) { return d.position(int(d.nodes[n].start)) }

func (d *Doc) position(offset int) (line, column int) {
	before := d.text[:offset]
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
}

// AppendIndex appends an array index to a path.
func AppendIndex(path []byte, i int) []byte {
	path = append(path, '[')
	path = strconv.AppendInt(path, int64(i), 10)
	return append(path, ']')
}

// AppendKey appends an object's key to a path. It puts unusual keys in brackets and
// quotes: a key with a dot, for instance, would look like two keys.
func AppendKey(path []byte, key string) []byte {
	if !isPlainKey(key) {
		path = append(path, '[')
		path = append(path, Quote(key)...)
		return append(path, ']')
	}
	if len(path) > 0 {
		path = append(path, '.')
	}
	return append(path, key...)
}

func isPlainKey(key string) bool {
	for i := range len(key) {
		c := key[i]
		if c != '_' && c != '-' && !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return key != "" && len(key) <= MaxQuoted
}

// Join appends the path member to the path base. It returns base for an empty member,
// and member for an empty base.
func Join(base, member string) string {
	if base == "" || member == "" || member[0] == '[' {
		return base + member
	}
	return base + "." + member
}

// PathTo returns the path of the member with this key of the object at base.
func PathTo(base, key string) string { return string(AppendKey([]byte(base), key)) }
