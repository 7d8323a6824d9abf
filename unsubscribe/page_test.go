package unsubscribe_test

import (
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/unsubscribe"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// show returns the page of contact-1 with these options.
func (s *site) show(opts unsubscribe.Options) (http.Header, string) {
	s.t.Helper()
	w := httptest.NewRecorder()
	s.handler(opts).ServeHTTP(w, httptest.NewRequestWithContext(s.t.Context(), http.MethodGet, s.link, nil))
	return w.Header(), w.Body.String()
}

var styled = unsubscribe.Options{
	Title:       "E-Mails von Müller & Söhne",
	Description: "Einmal im Monat.\nNie öfter.",
	LogoURL:     "https://cdn.example.com/logo.png?size=2&v=1",
	LogoAlt:     "Müller",
	Background:  "#fffaf0",
	Foreground:  "#222",
	Accent:      "#b00020",
	Language:    "de",
	Text:        unsubscribe.Text{Subscribed: "Sie erhalten unsere E-Mails.", Unsubscribe: "Abmelden"},
}

func TestPage_Golden(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		opts         unsubscribe.Options
		unsubscribed bool
		cut          int // characters off the link's end
	}{
		"subscribed":   {},
		"unsubscribed": {unsubscribed: true},
		"damaged":      {cut: 1},
		"styled":       {opts: styled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.people.unsubscribed["contact-1"] = tt.unsubscribed
			s.link = s.link[:len(s.link)-tt.cut]
			_, got := s.show(tt.opts)
			golden := filepath.Join("testdata", name+".html")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), got)
		})
	}
}

func TestPage_AllowsItsOwnStyleAndLogoOnly(t *testing.T) {
	t.Parallel()
	for logo, want := range map[string]string{
		"":                                      "",
		"https://cdn.example.com:8443/logo.png": " img-src https://cdn.example.com:8443;",
		"data:image/png;base64,AAAA":            " img-src data:;",
	} {
		header, page := newSite(t).show(unsubscribe.Options{LogoURL: logo})
		_, style, ok := strings.Cut(page, "<style>")
		require.True(t, ok)
		style, _, _ = strings.Cut(style, "</style>")
		hash := sha256.Sum256([]byte(style))
		assert.Equal(t, "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(hash[:])+"';"+want+
			" form-action 'self'; frame-ancestors 'none'; base-uri 'none'", header.Get("Content-Security-Policy"))
		assert.Equal(t, logo != "", strings.Contains(page, `<img src="`+logo+`" alt="">`))
	}
}

func TestPage_IsNotCached(t *testing.T) {
	t.Parallel()
	header, _ := newSite(t).show(unsubscribe.Options{})
	header.Del("Content-Security-Policy")
	assert.Equal(t, http.Header{
		"Content-Type":           {"text/html; charset=utf-8"},
		"Cache-Control":          {"no-store"},
		"Referrer-Policy":        {"no-referrer"},
		"X-Content-Type-Options": {"nosniff"},
		"X-Robots-Tag":           {"noindex"},
	}, header)
}

func TestPage_EscapesItsTexts(t *testing.T) {
	t.Parallel()
	const evil = `</style></title><script>alert("1")</script>`
	_, page := newSite(t).show(unsubscribe.Options{
		Title: evil, Description: evil, LogoURL: `https://example.com/"onerror=alert(1)`, LogoAlt: `"` + evil,
		Text: unsubscribe.Text{Subscribed: evil, Unsubscribe: evil},
	})
	assert.NotContains(t, page, "<script")
	assert.NotContains(t, page, `"onerror`)
	assert.Equal(t, 6, strings.Count(page, "&lt;script&gt;"))
}

// The page loads nothing from elsewhere, and can be read without its style.
func TestPage_IsAccessible(t *testing.T) {
	t.Parallel()
	_, page := newSite(t).show(unsubscribe.Options{})
	for _, want := range []string{
		`<html lang="en">`, "<title>Email preferences</title>", `name="viewport"`, `<p role="status">` + isSubscribed + "</p>",
		`<form method="post">`, "button:focus-visible", "prefers-color-scheme: dark",
	} {
		assert.Contains(t, page, want)
	}
	assert.Equal(t, 1, strings.Count(page, "<h1>"))
	assert.Equal(t, 1, strings.Count(page, "<main "))
	assert.Empty(t, regexp.MustCompile(`<script|<link|src=|url\(|@import`).FindAllString(page, -1))
}

func TestPage_FollowsTheReaderUnlessColoursAreGiven(t *testing.T) {
	t.Parallel()
	for _, opts := range []unsubscribe.Options{{Background: "#000"}, {Foreground: "#EEE"}, {Accent: "#0a7"}} {
		_, page := newSite(t).show(opts)
		assert.NotContains(t, page, "color-scheme")
		assert.Contains(t, page, opts.Background+opts.Foreground+opts.Accent+";")
		assert.NotContains(t, page, "ZgotmplZ")
	}
}

func TestNewHandler_ListsAllProblems(t *testing.T) {
	t.Parallel()
	h, err := unsubscribe.NewHandler(nil, nil, unsubscribe.Options{
		Background: "red", Foreground: "#12", Accent: "#fff;}body{}", LogoURL: "javascript:alert(1)", Language: `en" onload="`,
	})
	assert.Nil(t, h)
	assert.Equal(t, []string{
		`Background: "red" is not a colour: give one such as #336699`,
		`Foreground: "#12" is not a colour: give one such as #336699`,
		`Accent: "#fff;}body{}" is not a colour: give one such as #336699`,
		"LogoURL: is neither an http or https URL nor a data: URL of an image",
		`Language: "en\" onload=\"" is not a language tag: give one such as en or pt-BR`,
		"links: is required",
		"contacts: is required",
	}, problems(t, err))
	_, err = unsubscribe.NewHandler(nil, (*automation.Runner)(nil), unsubscribe.Options{})
	assert.Equal(t, []string{"links: is required", "contacts: is a nil *automation.Runner: give one that works"}, problems(t, err))
}

func TestNewHandler_ChecksTheLogo(t *testing.T) {
	t.Parallel()
	for logo, ok := range map[string]bool{
		"https://example.com/logo.svg":            true,
		"http://127.0.0.1:8080/logo.svg":          true,
		"data:image/svg+xml,%3Csvg/%3E":           true,
		"data:text/html,x":                        false,
		"data:image/png;base64,AA AA":             false,
		"/logo.png":                               false,
		"https://example.com;script-src/logo.png": false,
		"https://*/logo.png":                      false,
		"https:///logo.png":                       false,
		"https://exa mple.com/":                   false,
	} {
		_, err := unsubscribe.NewHandler(newLinks(t, unsubscribe.LinkOptions{}, key(1)), newPeople(), unsubscribe.Options{LogoURL: logo})
		assert.Equal(t, ok, err == nil, logo)
	}
}
