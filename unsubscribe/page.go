package unsubscribe

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// page renders the answers of the handler in the look of the options.
type page struct {
	look   look
	policy string
}

// look holds the parts that all states of the page have in common.
type look struct {
	Title, Description, Language string
	Logo                         template.URL
	LogoAlt                      string
	Light, Dark                  palette
	// FollowsReader is true if the reader's choice of light or dark decides.
	FollowsReader bool
}

// state is one answer: its status code, the text of the page, and its button or nil.
type state struct {
	Code   int
	Status string
	Button *button
}

type button struct{ Action, Label string }

// newPage returns the page for valid options.
func newPage(o Options) (*page, error) {
	p := &page{look: look{
		Title: o.Title, Description: o.Description, Language: o.Language,
		Logo:    template.URL(o.LogoURL), // validated: a web address or an image
		LogoAlt: o.LogoAlt,
		Light:   light, Dark: dark, FollowsReader: true,
	}}
	if o.Background+o.Foreground+o.Accent != "" {
		p.look.Light, p.look.FollowsReader = newPalette(o.Background, o.Foreground, o.Accent), false
	}
	sample, err := p.render(state{})
	if err != nil {
		return nil, err
	}
	p.policy = contentPolicy(sample, o.LogoURL)
	return p, nil
}

// contentPolicy returns a content security policy that allows the page its own style and
// its logo, and nothing else.
func contentPolicy(sample []byte, logo string) string {
	_, style, _ := bytes.Cut(sample, []byte("<style>"))
	style, _, _ = bytes.Cut(style, []byte("</style>"))
	hash := sha256.Sum256(style)
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'"
	if source, ok := imageSource(logo); ok {
		policy += "; img-src " + source
	}
	return policy + "; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
}

func (p *page) render(s state) ([]byte, error) {
	var b bytes.Buffer
	err := pageTemplate.Execute(&b, struct {
		look
		State state
	}{p.look, s})
	if err != nil {
		return nil, fmt.Errorf("unsubscribe page: %w", err)
	}
	return b.Bytes(), nil
}

// write answers with the page. Browsers and proxies must not cache the page: its link must
// not leak, and the page is out of date after the next click.
func (p *page) write(w http.ResponseWriter, s state) error {
	body, err := p.render(s)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", p.policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(s.Code)
	_, err = w.Write(body)
	return err
}
