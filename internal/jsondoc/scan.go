package jsondoc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// scanner fills a Doc.
type scanner struct {
	*Doc
	maxNesting int
	pos        int
}

func (s *scanner) document() error {
	if err := s.value(0); err != nil {
		return err
	}
	s.skipBlanks()
	if s.pos < len(s.text) {
		return s.fail("there is more after the end of the document")
	}
	slices.Sort(s.Repeated) // an inner object adds its keys before the outer one
	return nil
}

func (s *scanner) value(depth int) error {
	switch c := s.peek(); {
	case c == '{':
		return s.container(Object, '}', depth, s.member)
	case c == '[':
		return s.container(Array, ']', depth, s.value)
	case c == '"':
		return s.string()
	case c == '-' || isDigit(c):
		return s.number()
	case c == 't':
		return s.word(Bool, "true")
	case c == 'f':
		return s.word(Bool, "false")
	case c == 'n':
		return s.word(Null, "null")
	default:
		return s.unexpected("a value")
	}
}

// container scans an object or an array. It calls part for each part.
func (s *scanner) container(kind Kind, closing byte, depth int, part func(depth int) error) error {
	if depth == s.maxNesting {
		return s.fail("objects and arrays are nested more than %d deep", s.maxNesting)
	}
	self := len(s.nodes)
	s.nodes = append(s.nodes, node{kind: kind, start: int32(s.pos)})
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
	if kind == Object {
		s.noteRepeated(self, parts)
	}
	return nil
}

func (s *scanner) member(depth int) error {
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

// noteRepeated records the repeated keys of object n. It compares few keys with each
// other, because a map would cost more.
func (s *scanner) noteRepeated(n, keys int) {
	if keys > 16 {
		seen := make(map[string]struct{}, keys)
		for key := range s.Members(n) {
			if _, ok := seen[s.Text(key)]; ok {
				s.Repeated = append(s.Repeated, key)
			}
			seen[s.Text(key)] = struct{}{}
		}
		return
	}
	for key := range s.Members(n) {
		for earlier := n + 1; earlier < key; earlier = int(s.nodes[earlier+1].next) {
			if s.Text(earlier) == s.Text(key) {
				s.Repeated = append(s.Repeated, key)
				break
			}
		}
	}
}

func (s *scanner) string() error {
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
			s.leaf(node{kind: String, escaped: escaped, start: int32(start)})
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

// escapeLength returns the length of the escape sequence at the beginning of text. It
// returns 0 if the sequence is invalid. Half of a surrogate pair is invalid, because
// it stands for no character.
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

// hexUnit returns the UTF-16 code unit of the escape sequence \uXXXX at the beginning
// of text, or -1.
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

func (s *scanner) number() error {
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
	s.leaf(node{kind: Number, start: int32(start)})
	return nil
}

// digits skips the digits at the current position, and reports whether there are any.
func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.text) && isDigit(s.text[s.pos]) {
		s.pos++
	}
	return s.pos > start
}

func (s *scanner) word(kind Kind, word string) error {
	if !strings.HasPrefix(s.text[s.pos:], word) {
		return s.unexpected("a value")
	}
	start := s.pos
	s.pos += len(word)
	s.leaf(node{kind: kind, start: int32(start)})
	return nil
}

// leaf adds a node without parts that ends at the current position.
func (s *scanner) leaf(node node) {
	node.end, node.next = int32(s.pos), int32(len(s.nodes)+1)
	s.nodes = append(s.nodes, node)
}

// at reports whether the next byte is in chars.
func (s *scanner) at(chars string) bool {
	return s.pos < len(s.text) && strings.IndexByte(chars, s.text[s.pos]) >= 0
}

// peek skips blanks and returns the next byte, or 0 at the end of the text.
func (s *scanner) peek() byte {
	s.skipBlanks()
	if s.pos == len(s.text) {
		return 0
	}
	return s.text[s.pos]
}

func (s *scanner) skipBlanks() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

func (s *scanner) unexpected(wanted string) error {
	if s.pos == len(s.text) {
		return s.fail("the document ends where %s should be", wanted)
	}
	r, _ := utf8.DecodeRuneInString(s.text[s.pos:])
	return s.fail("found %q where %s should be", r, wanted)
}

// fail returns an error with the line and the column of the current position.
func (s *scanner) fail(format string, args ...any) error {
	line, column := s.position(s.pos)
	return fmt.Errorf("line %d, column %d: %s", line, column, fmt.Sprintf(format, args...))
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
