package contactimport

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/seed-b636437c/automation"
)

// scanner splits a file into lines of cells.
type scanner struct {
	in        *bufio.Reader
	replay    []byte // is read before in
	separator byte
	max       int // bytes of a line
	line      int // number of the line at which the next byte is
	replayed  int // bytes that were read again, in total

	ended bool   // the file ended in the current line
	raw   []byte // the bytes of the current line
	cell  []byte
	cells []string
}

// malformed is the error of a line that cannot be split into cells.
type malformed struct{ message string }

func (m malformed) Error() string { return m.message }

func (m malformed) problem() (problems automation.Problems) {
	problems.Add(automation.CodeSyntax, "", "%s", m.message)
	return problems
}

func newScanner(file io.Reader, separator byte, maxLine int) (*scanner, error) {
	s := &scanner{in: bufio.NewReaderSize(file, 64<<10), separator: separator, max: maxLine, line: 1}
	start, err := s.in.Peek(s.in.Size())
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read file: %w", err)
	}
	if bytes.HasPrefix(start, []byte("\xff\xfe")) || bytes.HasPrefix(start, []byte("\xfe\xff")) {
		return nil, invalid("file", "is UTF-16: save it as CSV in UTF-8")
	}
	if bom := []byte("\ufeff"); bytes.HasPrefix(start, bom) {
		start = start[len(bom):]
		_, _ = s.in.Discard(len(bom))
	}
	if separator == 0 {
		s.separator = separatorOf(start)
	}
	return s, nil
}

// separatorOf returns the separator that occurs most often in the first line, outside of
// quotes.
func separatorOf(start []byte) byte {
	const separators = ",;\t"
	var counts [len(separators)]int
	quoted := false
	for _, b := range start {
		if b == '"' {
			quoted = !quoted
		}
		if quoted {
			continue
		}
		if b == '\n' || b == '\r' {
			break
		}
		if i := strings.IndexByte(separators, b); i >= 0 {
			counts[i]++
		}
	}
	most := 0
	for i, n := range counts {
		if n > counts[most] {
			most = i
		}
	}
	return separators[most]
}

// next returns the cells of the next line that has a text, and the number of this line. The
// error is io.EOF at the end, a malformed line, or an error of the file. After a malformed
// line the scanner goes on.
func (s *scanner) next() (cells []string, line int, err error) {
	for {
		line = s.line
		s.raw, s.cells, s.ended = s.raw[:0], nil, false
		err := s.scan()
		bad := malformed{}
		switch {
		case errors.As(err, &bad):
			return nil, line, s.recover(line, bad)
		case err != nil:
			return nil, line, err
		case s.ended && len(s.raw) == 0:
			return nil, line, io.EOF
		case strings.Join(s.cells, "") != "":
			return s.cells, line, nil
		}
	}
}

// scan reads the cells of one line.
func (s *scanner) scan() error {
	for {
		s.cell = s.cell[:0]
		b, err := s.readAfterSpaces()
		switch {
		case err != nil:
			return err
		case b == '"':
			b, err = s.quoted()
		default:
			b, err = s.plain(b)
		}
		if err != nil {
			return err
		}
		s.cells = append(s.cells, string(bytes.TrimSpace(s.cell)))
		if b != s.separator {
			return nil
		}
	}
}

// plain reads a cell without quotes, whose first byte is b, and returns the byte after it:
// the separator, or '\n' at the end of the line. A quote inside of the cell is a quote.
func (s *scanner) plain(b byte) (byte, error) {
	for {
		after, ends, err := s.ends(b)
		if ends || err != nil {
			return after, err
		}
		s.cell = append(s.cell, b)
		if b, err = s.read(); err != nil {
			return 0, err
		}
	}
}

// quoted is plain for a cell in quotes, after the first quote.
func (s *scanner) quoted() (byte, error) {
	for {
		b, err := s.read()
		switch {
		case err != nil:
			return 0, err
		case s.ended:
			return 0, malformed{"a quote is not closed"}
		case b != '"':
			s.cell = append(s.cell, b)
			continue
		}
		switch b, err = s.read(); {
		case err != nil:
			return 0, err
		case b == '"':
			s.cell = append(s.cell, b)
		default:
			return s.afterQuote(b)
		}
	}
}

// afterQuote returns the byte after a cell in quotes. b is the byte after the last quote.
func (s *scanner) afterQuote(b byte) (byte, error) {
	var err error
	if b == ' ' {
		if b, err = s.readAfterSpaces(); err != nil {
			return 0, err
		}
	}
	after, ends, err := s.ends(b)
	if err == nil && !ends {
		err = malformed{"there is text after the quote at the end of a cell: a quote inside of a cell must be doubled"}
	}
	return after, err
}

// ends reports whether b ends a cell, and returns the separator or '\n'. It reads the rest
// of a CRLF.
func (s *scanner) ends(b byte) (after byte, ends bool, err error) {
	switch b {
	case s.separator, '\n':
		return b, true, nil
	case '\r':
		if s.peek() == '\n' {
			_, err = s.read()
		}
		return '\n', true, err
	default:
		return 0, false, nil
	}
}

// readAfterSpaces returns the next byte that is no space.
func (s *scanner) readAfterSpaces() (b byte, err error) {
	for b, err = s.read(); b == ' ' && err == nil; b, err = s.read() {
	}
	return b, err
}

// read returns the next byte, and counts lines. At the end of the file it returns '\n' and
// sets s.ended.
func (s *scanner) read() (byte, error) {
	if len(s.raw) > s.max {
		return 0, malformed{fmt.Sprintf("the line is longer than %d bytes: is a quote not closed?", s.max)}
	}
	b, err := s.take()
	if errors.Is(err, io.EOF) {
		s.ended = true
		return '\n', nil
	}
	if err != nil {
		return 0, fmt.Errorf("read file: %w", err)
	}
	s.raw = append(s.raw, b)
	if b == '\n' || b == '\r' && s.peek() != '\n' {
		s.line++
	}
	return b, nil
}

func (s *scanner) take() (byte, error) {
	if len(s.replay) > 0 {
		b := s.replay[0]
		s.replay = s.replay[1:]
		return b, nil
	}
	return s.in.ReadByte()
}

// peek returns the byte that the next read returns, or 0 if there is none.
func (s *scanner) peek() byte {
	if len(s.replay) > 0 {
		return s.replay[0]
	}
	if b, err := s.in.Peek(1); err == nil {
		return b[0]
	}
	return 0
}

// maxReplayed bounds the work on a file in which very many lines have quotes that are not
// closed.
const maxReplayed = 16 << 20

// recover continues after the first line break in the bytes of a malformed line, because a
// quote that is not closed joins many lines. It returns the error of the line.
func (s *scanner) recover(line int, bad malformed) error {
	at := bytes.IndexAny(s.raw, "\r\n")
	if at < 0 {
		return s.skip(bad)
	}
	if s.replayed += len(s.raw) - at; s.replayed > maxReplayed {
		bad.message += fmt.Sprintf("; the lines up to %d are not imported either", s.line)
		return s.skip(bad)
	}
	if bytes.HasPrefix(s.raw[at:], []byte("\r\n")) {
		at++
	}
	s.replay = append(bytes.Clone(s.raw[at+1:]), s.replay...)
	s.line = line + 1
	return bad
}

// skip reads to the end of a line that is too long.
func (s *scanner) skip(bad malformed) error {
	for {
		s.raw = s.raw[:0]
		b, err := s.read()
		if err != nil {
			return err
		}
		if after, ends, err := s.ends(b); err != nil || ends && after == '\n' {
			return cmp.Or(err, error(bad))
		}
	}
}

// invalid returns an *automation.ValidationError with one problem.
func invalid(path, format string, args ...any) error {
	var problems automation.Problems
	problems.Add(automation.CodeInvalidOption, path, format, args...)
	return problems.Err("import")
}
