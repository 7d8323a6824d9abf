package automation

import (
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxNesting bounds how deep objects and arrays lie in each other. A rule within
// the limits nests less than a tenth of it.
const maxNesting = 250

// jsonDoc is a JSON text, scanned once and split into its values. encoding/json
// does not suffice for strict reading: it matches keys without regard to case,
// lets duplicate keys pass, and scans nested values again on every level.
type jsonDoc struct {
	data     []byte
	text     string // the same bytes; the strings read from the document share it
	nodes    []jsonNode
	repeated []int // key nodes that their object has already had
}

// jsonNode is one value, or one key of an object. The nodes of a document are in
// the order of the text: a container is followed by its members, and in an
// object every key by its value.
type jsonNode struct {
	kind       jsonKind
	escaped    bool  // a string that holds a backslash
	start, end int32 // the text from start to end, quotes included
	next       int32 // the first node after this one and everything inside it
}

type jsonKind uint8

const (
	jsonNull jsonKind = iota
	jsonBool
	jsonNumber
	jsonString
	jsonArray
	jsonObject
)

// String returns the kind in words, such as "a string".
func (k jsonKind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// scanJSON splits data, which must hold one JSON value and nothing else, in valid
// UTF-8. The document keeps data.
func scanJSON(data []byte) (*jsonDoc, error) {
	if len(data) > math.MaxInt32 {
		return nil, fmt.Errorf("a document of %d bytes is too large", len(data))
	}
	s := jsonScanner{jsonDoc: &jsonDoc{
		data:  data,
		text:  string(data),
		nodes: make([]jsonNode, 0, len(data)/8+4),
	}}
	if err := s.document(); err != nil {
		return nil, err
	}
	return s.jsonDoc, nil
}

// kind returns the kind of node n.
func (d *jsonDoc) kind(n int) jsonKind { return d.nodes[n].kind }

// raw returns the bytes of node n. The caller must not change them.
func (d *jsonDoc) raw(n int) []byte { return d.data[d.nodes[n].start:d.nodes[n].end] }

// literal returns the text of node n as it is written.
func (d *jsonDoc) literal(n int) string { return d.text[d.nodes[n].start:d.nodes[n].end] }

// str returns what the string or key n stands for.
func (d *jsonDoc) str(n int) string {
	node := d.nodes[n]
	if !node.escaped {
		return d.text[node.start+1 : node.end-1]
	}
	var s string
	if err := json.Unmarshal(d.raw(n), &s); err != nil {
		return d.literal(n) // cannot happen: the scanner has checked the escapes
	}
	return s
}

// members iterates over the keys of object n and their values.
func (d *jsonDoc) members(n int) iter.Seq2[int, int] {
	return func(yield func(key, value int) bool) {
		end := int(d.nodes[n].next)
		for key := n + 1; key < end; key = int(d.nodes[key+1].next) {
			if !yield(key, key+1) {
				return
			}
		}
	}
}

// elements iterates over the elements of array n.
func (d *jsonDoc) elements(n int) iter.Seq[int] {
	return func(yield func(element int) bool) {
		end := int(d.nodes[n].next)
		for e := n + 1; e < end; e = int(d.nodes[e].next) {
			if !yield(e) {
				return
			}
		}
	}
}

// count returns how many elements array n has, or how many members object n has.
func (d *jsonDoc) count(n int) int {
	count, end := 0, int(d.nodes[n].next)
	for i := n + 1; i < end; i = int(d.nodes[i].next) {
		count++
	}
	if d.kind(n) == jsonObject {
		count /= 2
	}
	return count
}

// member returns the value that object n has for key, the last one if there are
// several, or -1.
func (d *jsonDoc) member(n int, key string) int {
	found := -1
	for k, value := range d.members(n) {
		if d.str(k) == key {
			found = value
		}
	}
	return found
}

// path leads from the root to node n, such as `steps[2].config.duration`. It is
// found from above, so that reading needs to remember none.
func (d *jsonDoc) path(n int) string {
	var path []byte
	for at := 0; at < n; {
		if d.kind(at) == jsonArray {
			at, path = d.elementTowards(at, n, path)
		} else {
			at, path = d.memberTowards(at, n, path)
		}
	}
	return string(path)
}

// elementTowards returns the element of array at that holds n, and the path to it.
func (d *jsonDoc) elementTowards(at, n int, path []byte) (int, []byte) {
	i := 0
	for e := range d.elements(at) {
		if n < int(d.nodes[e].next) {
			return e, appendPathIndex(path, i)
		}
		i++
	}
	return n, path
}

// memberTowards returns the member of object at that holds n, and the path to it.
func (d *jsonDoc) memberTowards(at, n int, path []byte) (int, []byte) {
	for key, value := range d.members(at) {
		if n < int(d.nodes[value].next) {
			return value, appendPathKey(path, d.str(key))
		}
	}
	return n, path
}

// appendPathIndex appends an array index to a path.
func appendPathIndex(path []byte, i int) []byte {
	path = append(path, '[')
	path = strconv.AppendInt(path, int64(i), 10)
	return append(path, ']')
}

// appendPathKey appends an object's key to a path. A key that would be mistaken
// for more than one, because it holds a dot for instance, is put in brackets and
// quotes.
func appendPathKey(path []byte, key string) []byte {
	if !isPlainKey(key) {
		path = append(path, '[')
		path = append(path, quoteShort(key)...)
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
	return key != "" && len(key) <= maxQuoted
}

// maxQuoted bounds how much of a caller's text is repeated in a message.
const maxQuoted = 80

// quoteShort returns s in quotes, cut when it is long.
func quoteShort[S ~string](s S) string {
	if len(s) <= maxQuoted {
		return strconv.Quote(string(s))
	}
	return strconv.Quote(strings.ToValidUTF8(string(s[:maxQuoted]), "")) + "…"
}

// shorten cuts the middle out of a message that somebody else wrote, because
// it may repeat a long text of the caller's.
func shorten(message string) string {
	const head, tail = 3 * maxQuoted, maxQuoted
	if len(message) <= head+tail {
		return message
	}
	return strings.ToValidUTF8(message[:head], "") + "…" + strings.ToValidUTF8(message[len(message)-tail:], "")
}

// jsonScanner fills a jsonDoc.
type jsonScanner struct {
	*jsonDoc
	pos int
}

func (s *jsonScanner) document() error {
	if err := s.value(0); err != nil {
		return err
	}
	s.skipBlanks()
	if s.pos < len(s.text) {
		return s.fail("there is more after the end of the document")
	}
	return nil
}

func (s *jsonScanner) value(depth int) error {
	switch c := s.peek(); {
	case c == '{':
		return s.container(jsonObject, '}', depth, s.member)
	case c == '[':
		return s.container(jsonArray, ']', depth, s.value)
	case c == '"':
		return s.string()
	case c == '-' || isDigit(c):
		return s.number()
	case c == 't':
		return s.word(jsonBool, "true")
	case c == 'f':
		return s.word(jsonBool, "false")
	case c == 'n':
		return s.word(jsonNull, "null")
	default:
		return s.unexpected("a value")
	}
}

// container scans an object or an array, whose parts are scanned by part.
func (s *jsonScanner) container(kind jsonKind, closing byte, depth int, part func(depth int) error) error {
	if depth == maxNesting {
		return s.fail("objects and arrays are nested more than %d deep", maxNesting)
	}
	self := len(s.nodes)
	s.nodes = append(s.nodes, jsonNode{kind: kind, start: int32(s.pos)})
	s.pos++
	parts := 0
	for more := s.peek() != closing; more; parts++ {
		if err := part(depth + 1); err != nil {
			return err
		}
		switch s.peek() {
		case closing:
			more = false
		case ',':
			s.pos++
		default:
			return s.unexpected(`"," or "` + string(closing) + `"`)
		}
	}
	s.pos++
	s.nodes[self].end, s.nodes[self].next = int32(s.pos), int32(len(s.nodes))
	if kind == jsonObject {
		s.noteRepeated(self, parts)
	}
	return nil
}

func (s *jsonScanner) member(depth int) error {
	if s.peek() != '"' {
		return s.unexpected("a key in double quotes")
	}
	if err := s.string(); err != nil {
		return err
	}
	if s.peek() != ':' {
		return s.unexpected(`":"`)
	}
	s.pos++
	return s.value(depth)
}

// noteRepeated remembers the keys that the object n has more than once. Few keys
// are compared with each other, because a map would cost more.
func (s *jsonScanner) noteRepeated(n, keys int) {
	if keys > 16 {
		seen := make(map[string]struct{}, keys)
		for key := range s.members(n) {
			if _, ok := seen[s.str(key)]; ok {
				s.repeated = append(s.repeated, key)
			}
			seen[s.str(key)] = struct{}{}
		}
		return
	}
	for key := range s.members(n) {
		for earlier := n + 1; earlier < key; earlier = int(s.nodes[earlier+1].next) {
			if s.str(earlier) == s.str(key) {
				s.repeated = append(s.repeated, key)
				break
			}
		}
	}
}

func (s *jsonScanner) string() error {
	start := s.pos
	escaped, ascii := false, true
	for s.pos++; s.pos < len(s.text); s.pos++ {
		switch c := s.text[s.pos]; {
		case c == '"':
			if !ascii && !utf8.ValidString(s.text[start:s.pos]) {
				s.pos = start
				return s.fail("a string is not valid UTF-8")
			}
			s.pos++
			s.leaf(jsonNode{kind: jsonString, escaped: escaped, start: int32(start)})
			return nil
		case c == '\\':
			length := escapeLength(s.text[s.pos:])
			if length == 0 {
				return s.fail("a string holds an invalid escape sequence")
			}
			escaped = true
			s.pos += length - 1
		case c < ' ':
			return s.fail("a string holds a control character; write it as an escape sequence")
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	s.pos = start
	return s.fail("a string does not end")
}

// escapeLength returns the length of the escape sequence that text begins with,
// or 0 if it is none. Half of a surrogate pair is none: it stands for no
// character.
func escapeLength(text string) int {
	if len(text) < 2 {
		return 0
	}
	if text[1] != 'u' {
		if strings.IndexByte(`"\/bfnrt`, text[1]) < 0 {
			return 0
		}
		return 2
	}
	switch unit := hexUnit(text); {
	case unit < 0 || unit >= 0xDC00 && unit < 0xE000:
		return 0
	case unit < 0xD800 || unit >= 0xE000:
		return 6
	}
	if low := hexUnit(text[6:]); low < 0xDC00 || low >= 0xE000 {
		return 0
	}
	return 12
}

// hexUnit returns the UTF-16 code unit of the escape sequence \uXXXX that text
// begins with, or -1.
func hexUnit(text string) int {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	unit, err := strconv.ParseUint(text[2:6], 16, 16)
	if err != nil {
		return -1
	}
	return int(unit)
}

func (s *jsonScanner) number() error {
	start := s.pos
	if s.at("-") {
		s.pos++
	}
	ok := s.at("0")
	if ok {
		s.pos++
	} else {
		ok = s.digits()
	}
	if ok && s.at(".") {
		s.pos++
		ok = s.digits()
	}
	if ok && s.at("eE") {
		s.pos++
		if s.at("+-") {
			s.pos++
		}
		ok = s.digits()
	}
	if !ok {
		return s.unexpected("a digit")
	}
	s.leaf(jsonNode{kind: jsonNumber, start: int32(start)})
	return nil
}

// digits skips the digits at the position and reports whether there are any.
func (s *jsonScanner) digits() bool {
	start := s.pos
	for s.pos < len(s.text) && isDigit(s.text[s.pos]) {
		s.pos++
	}
	return s.pos > start
}

func (s *jsonScanner) word(kind jsonKind, word string) error {
	if !strings.HasPrefix(s.text[s.pos:], word) {
		return s.unexpected("a value")
	}
	start := s.pos
	s.pos += len(word)
	s.leaf(jsonNode{kind: kind, start: int32(start)})
	return nil
}

// leaf adds a node without parts that ends at the position.
func (s *jsonScanner) leaf(node jsonNode) {
	node.end, node.next = int32(s.pos), int32(len(s.nodes)+1)
	s.nodes = append(s.nodes, node)
}

// at reports whether the next byte is one of chars.
func (s *jsonScanner) at(chars string) bool {
	return s.pos < len(s.text) && strings.IndexByte(chars, s.text[s.pos]) >= 0
}

// peek returns the next byte that is not blank, or 0 at the end of the text.
func (s *jsonScanner) peek() byte {
	s.skipBlanks()
	if s.pos == len(s.text) {
		return 0
	}
	return s.text[s.pos]
}

func (s *jsonScanner) skipBlanks() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

func (s *jsonScanner) unexpected(wanted string) error {
	if s.pos == len(s.text) {
		return s.fail("the document ends where %s should be", wanted)
	}
	r, _ := utf8.DecodeRuneInString(s.text[s.pos:])
	return s.fail("found %q where %s should be", r, wanted)
}

// fail returns an error that says where in the text the scanner is.
func (s *jsonScanner) fail(format string, args ...any) error {
	before := s.text[:s.pos]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Errorf("line %d, column %d: %s", line, column, fmt.Sprintf(format, args...))
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
