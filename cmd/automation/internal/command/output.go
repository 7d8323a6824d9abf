package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/redact"
)

// printf prints text. What comes from the database must go through clean first.
func (c *call) printf(format string, args ...any) { fmt.Fprintf(&c.out, format, args...) }

// printJSON prints one JSON document.
func (c *call) printJSON(v any) error {
	enc := json.NewEncoder(&c.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// listing is a list in JSON, in the form of the HTTP API.
type listing[T any] struct {
	Object  string `json:"object"`
	HasMore bool   `json:"has_more"`
	Data    []T    `json:"data"`
}

func listingOf[T any](page automation.Page[T]) listing[T] {
	return listing[T]{"list", page.HasMore, append([]T{}, page.Data...)}
}

// listTable describes the table of a list.
type listTable[T any] struct {
	none string   // what is printed if there is nothing in the list
	head []string // of the columns
	row  func(T) []string
	id   func(T) string
}

// print prints a page as a table, or in JSON.
func (l listTable[T]) print(c *call, found automation.Page[T]) error {
	if c.json {
		return c.printJSON(listingOf(found))
	}
	if len(found.Data) == 0 {
		c.printf("%s\n", l.none)
		return nil
	}
	var t table
	t.add(l.head...)
	for _, item := range found.Data {
		t.add(l.row(item)...)
	}
	c.printTable(t)
	c.printMore(found.HasMore, l.id(found.Data[len(found.Data)-1]))
	return nil
}

// object returns v, which encodes to a JSON object, with the field "object" before its
// own fields.
func object(kind string, v any) (json.RawMessage, error) {
	text, err := jsondoc.Encode(v)
	if err != nil {
		return nil, err
	}
	head := append([]byte(`{"object":`), jsondoc.AppendString(nil, kind)...)
	if rest := bytes.TrimSpace(text[1:]); string(rest) != "}" {
		head = append(head, ',')
	}
	return append(head, text[1:]...), nil
}

// table is text in columns.
type table struct{ rows [][]string }

// add adds a row.
func (t *table) add(cells ...string) {
	for i := range cells {
		cells[i] = clean(cells[i])
	}
	t.rows = append(t.rows, cells)
}

// write writes the rows with columns of equal width.
func (t *table) write(w io.Writer) {
	var widths []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range t.rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// printTable prints a table.
func (c *call) printTable(t table) { t.write(&c.out) }

// printMore prints how to go on after a page whose last item has this id.
func (c *call) printMore(more bool, id string) {
	if more {
		c.printf("To go on: --after %s, or a higher --limit.\n", clean(id))
	}
}

// clean replaces control characters: data from outside can neither break a line nor send
// escape sequences to a terminal.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// short returns the first line of a text, and no more than n characters of it.
func short(text string, n int) string {
	text, _, _ = strings.Cut(text, "\n")
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}

// private returns text that may contain email addresses: with them, if --addresses is
// given, and otherwise without.
func (c *call) private(text string) string {
	if c.showing {
		return text
	}
	return redact.Text(text)
}

// privateJSON is private for JSON, which stays JSON: an address is part of a string.
func (c *call) privateJSON(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return raw
	}
	return json.RawMessage(c.private(string(raw)))
}

// privateError is private for an error of a step.
func (c *call) privateError(e *automation.StepError) *automation.StepError {
	if e == nil {
		return nil
	}
	return &automation.StepError{Code: e.Code, Message: c.private(e.Message)}
}

// at returns a time in the zone of the call, and "" for the zero time.
func (c *call) at(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(c.zone()).Format(time.DateTime)
}

// titled returns the title of a column of times, with their zone.
func (c *call) titled(name string) string {
	if c.local {
		return name + " (LOCAL)"
	}
	return name + " (UTC)"
}

// plural returns a number of things, such as "1 run" or "5 runs".
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
