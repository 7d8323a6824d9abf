package jsondoc

import "strconv"

// MaxPath bounds the length of a path in bytes, up to one more key. Without the bound a
// small document that is nested deeply could make messages of many megabytes.
const MaxPath = 1000

// Path returns the path from the root to node n, such as `steps[2].config.duration`. It
// finds the path from the root, so that reading a document needs no memory for paths. A path that is longer than
// MaxPath ends there.
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

// elementTowards returns the element of array at that holds n, and the path to it.
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

// memberTowards returns the member of object at that holds n, and the path to it.
func (d *Doc) memberTowards(at, n int, path []byte) (int, []byte) {
	for key, value := range d.Members(at) {
		if n < int(d.nodes[value].next) {
			return value, AppendKey(path, d.Text(key))
		}
	}
	return n, path
}

// AppendIndex appends an array index to a path.
func AppendIndex(path []byte, i int) []byte {
	path = append(path, '[')
	path = strconv.AppendInt(path, int64(i), 10)
	return append(path, ']')
}

// AppendKey appends an object's key to a path. A key that could be mistaken for more than
// one key, because it contains a dot, for example, is put in brackets and quotes.
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

// Join returns the path of a member of the value at base: base itself for an empty member,
// and the member itself for an empty base.
func Join(base, member string) string {
	if base == "" || member == "" || member[0] == '[' {
		return base + member
	}
	return base + "." + member
}

// PathTo returns the path of the member of base with this key.
func PathTo(base, key string) string { return string(AppendKey([]byte(base), key)) }
