// Package unsubscribe makes signed unsubscribe links, and serves the page behind
// them.
//
// A link belongs to one contact. Whoever has it can unsubscribe that contact, and
// subscribe it again; it shows and does nothing else, and does not contain the
// address. Only who has a key can make one. Opening a link changes nothing, because
// mail scanners open links: people press a button, and mail programs post, with one
// click, as RFC 8058 has it.
//
//	links, err := unsubscribe.NewLinks("https://example.com/unsubscribe", unsubscribe.LinkOptions{}, key)
//	…
//	handler, err := unsubscribe.NewHandler(links, runner, unsubscribe.Options{Title: "Acme emails"})
//	…
//	mux.Handle("/unsubscribe", handler)
//
// Mail programs post without a cookie, a session or a CSRF token: exempt the handler
// from middleware that asks for one. Its links are secrets of a kind; keep their query
// out of access logs.
//
// Give links.URL to whatever renders the emails. The Runner skips the emails of a
// contact that is unsubscribed, and goes on with all other steps of its runs.
package unsubscribe
