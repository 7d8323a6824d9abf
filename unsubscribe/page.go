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

// page renders what the handler answers, in the look that the options ask for.
type page struct {
	look   look
	policy string
}

// look is what all states of the page have in common.
type look struct {
	Title, Description, Language string
	Logo                         template.URL
	LogoAlt                      string
	Light, Dark                  palette
	// FollowsReader lets the reader's choice of light or dark decide.
	FollowsReader bool
}

// state is what the page says, and the button it offers, if any.
type state struct {
	Code   int
	Status string
	Button *button
}

type button struct{ Action, Label string }

// newPage takes options that were checked.
func newPage(o Options) (*page, error) {
	p := &page{look: look{
		Title: o.Title, Description: o.Description, Language: o.Language,
		Logo:    template.URL(o.LogoURL), // checked: a web address or an image
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

// contentPolicy lets the page load its own style and its logo, and nothing else.
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

// write answers with the page. Nobody may keep it: its link must not leak, and it
// is out of date after the next click.
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
