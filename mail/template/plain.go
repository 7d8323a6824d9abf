package template

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// plainText returns the text part of an HTML email: links with their addresses, lists with
// their marks, the rows of a table as lines. Text that is not displayed, such as styles
// and the hidden preview text of many emails, is left out. HTML that is not well formed is
// read leniently.
func plainText(source string) string {
	p := &plain{tokens: html.NewTokenizer(strings.NewReader(source))}
	p.out.Grow(len(source) / 4)
	for p.next() {
	}
	p.endLink()
	return strings.TrimRight(p.out.String(), " \n")
}

// plain writes text while it reads HTML.
type plain struct {
	tokens *html.Tokenizer
	out    strings.Builder
	breaks int  // line breaks to write before the next text
	space  bool // a space to write before the next text
	pre    int  // open <pre> elements

	skipped   string // the element whose content is left out, or ""
	skipDepth int    // elements of that name that are open

	lists  []list
	marked bool   // an item has its mark, and no text yet
	href   string // of the link that is open, or ""
	label  int    // where its text begins
}

// maxIndent is how many levels of lists have different indents.
const maxIndent = 10

// list is an open <ul> or <ol>.
type list struct {
	ordered bool
	items   int
}

// next reads the next token and reports whether there may be more.
func (p *plain) next() bool {
	switch kind := p.tokens.Next(); kind {
	case html.ErrorToken:
		return false
	case html.TextToken:
		if p.skipped == "" {
			p.text(string(p.tokens.Text()))
		}
	case html.StartTagToken, html.SelfClosingTagToken:
		name, more := p.tokens.TagName()
		p.start(atom.Lookup(name), name, p.attributes(more))
	case html.EndTagToken:
		name, _ := p.tokens.TagName()
		p.end(atom.Lookup(name), name)
	}
	return true
}

// attributes are the attributes of an element that change its text.
type attributes struct {
	href, alt string
	hidden    bool
}

func (p *plain) attributes(more bool) (a attributes) {
	for more {
		var key, value []byte
		key, value, more = p.tokens.TagAttr()
		switch string(key) {
		case "href":
			a.href = string(value)
		case "alt":
			a.alt = string(value)
		case "hidden":
			a.hidden = true
		case "style":
			a.hidden = a.hidden || isHidden(value)
		}
	}
	return a
}

// isHidden reports whether a style keeps its element from being displayed.
func isHidden(style []byte) bool {
	if !bytes.Contains(style, []byte("isplay")) && !bytes.Contains(style, []byte("ISPLAY")) {
		return false // nearly all styles end here, without an allocation
	}
	compact := bytes.Join(bytes.Fields(bytes.ToLower(style)), nil)
	return bytes.Contains(compact, []byte("display:none"))
}

func (p *plain) start(e atom.Atom, name []byte, a attributes) {
	if p.skipped != "" {
		if string(name) == p.skipped {
			p.skipDepth++
		}
		return
	}
	if isVoid(e) {
		p.void(e, a)
		return
	}
	if a.hidden || isInvisible(e) {
		p.skipped, p.skipDepth = string(name), 1
		return
	}
	if e == atom.Li {
		p.marked = false
	}
	p.breakLine(margin(e))
	switch e {
	case atom.Ul, atom.Ol:
		p.lists = append(p.lists, list{ordered: e == atom.Ol})
	case atom.Li:
		p.item()
	case atom.Td, atom.Th:
		p.space = true
	case atom.Pre:
		p.pre++
	case atom.A:
		p.endLink()
		if isAddress(a.href) {
			p.href, p.label = strings.TrimSpace(a.href), p.out.Len()
		}
	}
}

// void writes an element without content.
func (p *plain) void(e atom.Atom, a attributes) {
	switch {
	case a.hidden:
	case e == atom.Br:
		p.breaks = min(p.breaks+1, 2)
	case e == atom.Hr:
		p.breakLine(2)
		p.write("---")
		p.breakLine(2)
	case e == atom.Img:
		p.text(a.alt)
	}
}

func (p *plain) end(e atom.Atom, name []byte) {
	if p.skipped != "" {
		if string(name) == p.skipped {
			p.skipDepth--
		}
		if p.skipDepth == 0 {
			p.skipped = ""
		}
		return
	}
	switch {
	case e == atom.A:
		p.endLink()
	case (e == atom.Ul || e == atom.Ol) && len(p.lists) > 0:
		p.lists = p.lists[:len(p.lists)-1]
	case e == atom.Pre && p.pre > 0:
		p.pre--
	case e == atom.Li:
		p.marked = false
	}
	p.breakLine(margin(e))
}

// item begins an item of the innermost list.
func (p *plain) item() {
	mark := "- "
	if depth := len(p.lists); depth > 0 {
		l := &p.lists[depth-1]
		l.items++
		if l.ordered {
			mark = fmt.Sprintf("%d. ", l.items)
		}
		mark = strings.Repeat("  ", min(depth, maxIndent)-1) + mark
	}
	p.write(mark)
	p.marked = true
}

// endLink writes the address behind the text of a link, unless the text is the address.
func (p *plain) endLink() {
	if p.href == "" {
		return
	}
	href := p.href
	p.href = ""
	label := strings.TrimSpace(p.out.String()[p.label:])
	switch {
	case label == "":
		p.write(href)
	case label != href && "mailto:"+label != href && "tel:"+label != href:
		p.out.WriteString(" <" + href + ">")
	}
}

// isAddress reports whether a link leads out of the email.
func isAddress(href string) bool {
	href = strings.ToLower(strings.TrimSpace(href))
	for _, scheme := range []string{"https:", "http:", "mailto:", "tel:"} {
		if strings.HasPrefix(href, scheme) {
			return true
		}
	}
	return false
}

// breakLine puts at least n line breaks before the next text, except after the mark of an
// item: the item's text stands beside its mark, also if the text is a paragraph.
func (p *plain) breakLine(n int) {
	if !p.marked {
		p.breaks = max(p.breaks, n)
	}
}

// text writes text with the white space that a browser shows.
func (p *plain) text(s string) {
	if p.pre > 0 {
		p.write(s)
		return
	}
	for len(s) > 0 {
		end := strings.IndexFunc(s, unicode.IsSpace)
		if end < 0 {
			end = len(s)
		}
		if end > 0 {
			p.write(s[:end])
		}
		rest := strings.TrimLeftFunc(s[end:], unicode.IsSpace)
		p.space = p.space || len(rest) < len(s)-end
		s = rest
	}
}

// write writes the breaks or the space before s, and s.
func (p *plain) write(s string) {
	switch {
	case p.out.Len() == 0:
	case p.breaks > 0:
		p.out.WriteString("\n\n"[:p.breaks])
	case p.space && !strings.HasSuffix(p.out.String(), " "):
		p.out.WriteByte(' ')
	}
	p.breaks, p.space, p.marked = 0, false, false
	p.out.WriteString(s)
}

// margin returns how many line breaks stand before and after an element.
func margin(e atom.Atom) int {
	switch e {
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Blockquote, atom.Pre, atom.Dl, atom.Figure:
		return 2
	case atom.Div, atom.Table, atom.Tr, atom.Ul, atom.Ol, atom.Li, atom.Dt, atom.Dd, atom.Section, atom.Article,
		atom.Header, atom.Footer, atom.Main, atom.Nav, atom.Aside, atom.Address, atom.Center, atom.Caption, atom.Figcaption, atom.Body:
		return 1
	}
	return 0
}

// isInvisible reports whether the content of an element is never displayed.
func isInvisible(e atom.Atom) bool {
	switch e {
	case atom.Script, atom.Style, atom.Title, atom.Template, atom.Noframes:
		return true
	}
	return false
}

// isVoid reports whether an element has no end tag.
func isVoid(e atom.Atom) bool {
	switch e {
	case atom.Area, atom.Base, atom.Br, atom.Col, atom.Embed, atom.Hr, atom.Img, atom.Input, atom.Link, atom.Meta, atom.Source, atom.Track, atom.Wbr:
		return true
	}
	return false
}
