package record

import (
	"strings"
	"unicode/utf8"

	"github.com/seed-b636437c/automation"
)

// EmailRange is a range of the keys of emails, in the order of their bytes.
type EmailRange struct {
	From string // inclusive
	To   string // exclusive
}

// EmailsWith returns the range of the keys that begin with prefix.
func EmailsWith(prefix string) EmailRange {
	key := automation.EmailKey(prefix)
	return EmailRange{From: key, To: after(key)}
}

// Beyond returns the part of r that a page of q reads. cursor is the key of the contact
// that q begins at. If q reads forwards, the key itself may be in the part.
func (r EmailRange) Beyond(q automation.PageQuery, cursor string) EmailRange {
	switch {
	case q.After != "":
		r.From = max(r.From, cursor)
	case q.Before != "":
		r.To = min(r.To, cursor)
	}
	return r
}

// after returns the first text after all that begin with prefix. Like every text of a
// database it is valid UTF-8, in which the order of bytes is the order of characters.
func after(prefix string) string {
	if prefix == "" {
		return lastText
	}
	last, size := utf8.DecodeLastRuneInString(prefix)
	rest := prefix[:len(prefix)-size]
	switch last {
	case utf8.MaxRune:
		return after(rest)
	case '\uD7FF':
		return rest + "\uE000" // between them are surrogates, which no text contains
	default:
		return rest + string(last+1)
	}
}

// lastText is after every email, because an email has at most 255 bytes.
var lastText = strings.Repeat(string(utf8.MaxRune), 64)

// FewMembers is how many members a segment has at most for a search to read all of them. A
// search among more members reads contacts in the order of their emails. If the members are
// spread evenly among a million contacts, it finds a page of 20 within about 10,000 of them.
const FewMembers = 2000
