package dashboard

import (
	"net/http"
	"strings"
)

// contentPolicy returns the Content-Security-Policy of all pages. Scripts and styles are
// files of the Handler, so no page needs an inline one.
func contentPolicy(ancestors []string) string {
	frames := "'none'"
	if len(ancestors) > 0 {
		frames = strings.Join(ancestors, " ")
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors " + frames + "; " +
		"require-trusted-types-for 'script'; trusted-types lit-html dashboard"
}

// secure sets the headers that every answer has.
func (h *Handler) secure(header http.Header) {
	header.Set("Content-Security-Policy", h.policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
}

// crossOriginProtection refuses forms that other sites send, without a token or a cookie.
func crossOriginProtection(trusted []string) *http.CrossOriginProtection {
	protection := http.NewCrossOriginProtection()
	for _, origin := range trusted {
		_ = protection.AddTrustedOrigin(origin) // withDefaults has checked it
	}
	return protection
}
