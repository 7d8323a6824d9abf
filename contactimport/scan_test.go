package contactimport

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scanned returns the lines of a file as texts, with their numbers and errors.
func scanned(t testing.TB, file string, maxLine int) (lines []string) {
	t.Helper()
	s, err := newScanner(iotest.OneByteReader(strings.NewReader(file)), 0, maxLine)
	require.NoError(t, err)
	for {
		cells, line, err := s.next()
		switch {
		case errors.Is(err, io.EOF):
			return lines
		case errors.As(err, new(malformed)):
			lines = append(lines, fmt.Sprintf("%d %s", line, err))
		case err != nil:
			return append(lines, err.Error())
		default:
			lines = append(lines, fmt.Sprintf("%d %q", line, cells))
		}
	}
}

func TestScan_Lines(t *testing.T) {
	t.Parallel()
	const long = "the line is longer than 64 bytes: is a quote not closed?"
	for name, tt := range map[string]struct {
		file string
		want []string
	}{
		"empty":                 {"", nil},
		"byte order mark":       {"\ufeffa,b\n", []string{`1 ["a" "b"]`}},
		"only a mark":           {"\ufeff", nil},
		"no end":                {"a,b\n1,", []string{`1 ["a" "b"]`, `2 ["1" ""]`}},
		"LF, CRLF and CR":       {"a\nb\r\nc\rd\r", []string{`1 ["a"]`, `2 ["b"]`, `3 ["c"]`, `4 ["d"]`}},
		"empty lines":           {"\n\na\n \r\n,,\n\nb", []string{`3 ["a"]`, `7 ["b"]`}},
		"semicolons":            {"a;b,c;d\n1;2;3,4", []string{`1 ["a" "b,c" "d"]`, `2 ["1" "2" "3,4"]`}},
		"tabs":                  {"a\tb\n1\t2, 3", []string{`1 ["a" "b"]`, `2 ["1" "2, 3"]`}},
		"separators in quotes":  {"\"a;b;c\",d\n1,2", []string{`1 ["a;b;c" "d"]`, `2 ["1" "2"]`}},
		"spaces":                {" a , \"b \" , c\n", []string{`1 ["a" "b" "c"]`}},
		"quotes":                {"\"a\"\"b\",\"\",x\"y\"\n", []string{`1 ["a\"b" "" "x\"y\""]`}},
		"line breaks in quotes": {"\"a\r\nb\n\",c\nd,e", []string{`1 ["a\r\nb" "c"]`, `4 ["d" "e"]`}},
		"quote at the end":      {"a,\"b\"", []string{`1 ["a" "b"]`}},
		"quote that is not closed": {"a,\"b\nc,d\ne,\"f\"", []string{
			"1 there is text after the quote at the end of a cell: a quote inside of a cell must be doubled", `2 ["c" "d"]`, `3 ["e" "f"]`,
		}},
		"quote not closed at the end": {"a\nb,\"c\r\nd", []string{`1 ["a"]`, "2 a quote is not closed", `3 ["d"]`}},
		"quote on the last line":      {"a\n\"b", []string{`1 ["a"]`, "2 a quote is not closed"}},
		"text after a quote":          {"a,\"b\"c\nd", []string{"1 there is text after the quote at the end of a cell: a quote inside of a cell must be doubled", `2 ["d"]`}},
		"long line":                   {"a\n" + strings.Repeat("x", 100) + ",y\r\nb", []string{`1 ["a"]`, "2 " + long, `3 ["b"]`}},
		"long last line":              {strings.Repeat("x", 100), []string{"1 " + long}},
		"long in quotes":              {"a\n\"" + strings.Repeat("x", 100) + "\n1\",b\nc", []string{`1 ["a"]`, "2 " + long, `3 ["1\"" "b"]`, `4 ["c"]`}},
		"many lines after a quote":    {"\"a\n" + strings.Repeat("b\n", 100), append([]string{"1 " + long}, repeated(2, 100, `["b"]`)...)},
		"line as long as can be":      {strings.Repeat("x", 64) + "\na", []string{fmt.Sprintf("1 [%q]", strings.Repeat("x", 64)), `2 ["a"]`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, scanned(t, tt.file, 64))
		})
	}
}

func repeated(line, n int, text string) (lines []string) {
	for i := range n {
		lines = append(lines, fmt.Sprintf("%d %s", line+i, text))
	}
	return lines
}

// counter counts how many bytes are read.
type counter struct {
	io.Reader
	n int
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n += n
	return n, err
}

func TestScan_ReadsNoMoreThanALineAhead(t *testing.T) {
	t.Parallel()
	file := &counter{Reader: strings.NewReader("a\n\"" + strings.Repeat("b\n", 1<<20))}
	s, err := newScanner(file, 0, 1<<10)
	require.NoError(t, err)
	for range 100 {
		_, _, _ = s.next()
	}
	assert.Less(t, file.n, 200<<10)
	assert.Less(t, len(s.replay)+cap(s.raw), 8<<10)
}

// Each of these lines opens a quote that the next line closes and opens again.
func TestScan_WorkOnQuotesIsBounded(t *testing.T) {
	t.Parallel()
	const n = 100_000
	file := &counter{Reader: strings.NewReader(strings.Repeat("a\"\"\",\"\n", n))}
	s, err := newScanner(file, 0, 64<<10)
	require.NoError(t, err)
	last, worst := 0, ""
	for {
		_, line, err := s.next()
		if errors.Is(err, io.EOF) {
			break
		}
		last = line
		if err != nil && strings.Contains(err.Error(), "either") {
			worst = err.Error()
		}
	}
	assert.Less(t, s.replayed, maxReplayed+n*10)
	assert.Regexp(t, "; the lines up to [0-9]+ are not imported either$", worst)
	assert.Greater(t, last, n/2)
}

func TestScan_RefusesUTF16(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"\xff\xfea\x00", "\xfe\xff\x00a"} {
		_, err := newScanner(strings.NewReader(file), 0, 64)
		assert.ErrorContains(t, err, "UTF-16")
	}
}

func TestScan_ReportsErrorsOfTheFile(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	_, err := newScanner(iotest.ErrReader(broken), 0, 64)
	require.ErrorIs(t, err, broken)
	for _, start := range []string{"a\nb", "a\n\"b", "a\nb\r", "a\n" + strings.Repeat("x", 100)} {
		s, err := newScanner(io.MultiReader(strings.NewReader(strings.Repeat("a\n", 64<<10)), strings.NewReader(start), iotest.ErrReader(broken)), 0, 64)
		require.NoError(t, err)
		for err == nil {
			_, _, err = s.next()
		}
		require.ErrorIs(t, err, broken, start)
	}
}

// FuzzScan compares the scanner with encoding/csv on files that both can read.
func FuzzScan(f *testing.F) {
	for _, file := range []string{"a,b\n1,2\n", "a;b\r\n\"1;\r\n2\";3", "\ufeffa\n\n\"\"\"\",\"b", "a,\"b\"c\n\rd", "\" a\" , b"} {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file string) {
		const maxLine = 1 << 10
		got := scanned(t, file, maxLine)
		if strings.HasPrefix(file, "\xff\xfe") || strings.HasPrefix(file, "\xfe\xff") || strings.ContainsAny(file, "\r") || len(file) > maxLine {
			return
		}
		s, err := newScanner(strings.NewReader(file), 0, maxLine)
		require.NoError(t, err)
		r := csv.NewReader(strings.NewReader(strings.TrimPrefix(file, "\ufeff")))
		r.Comma, r.FieldsPerRecord = rune(s.separator), -1
		var want []string
		for {
			cells, err := r.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return // encoding/csv is stricter about quotes and white space
			}
			line, _ := r.FieldPos(0)
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			if strings.Join(cells, "") != "" {
				want = append(want, fmt.Sprintf("%d %q", line, cells))
			}
		}
		assert.Equal(t, want, got)
	})
}
