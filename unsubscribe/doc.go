// Package unsubscribe makes signed unsubscribe links, and serves the page behind
// them.
//
// A link belongs to one contact. The holder of a link can unsubscribe that contact, and
// subscribe it again. A link shows and does nothing else, and does not contain the
// address. Only the holder of a key can make a link. Opening a link changes nothing,
// because mail scanners open links: people press a button on the page, and mail programs
// send a POST after one click, as RFC 8058 specifies.
//
//	links, err := unsubscribe.NewLinks("https://example.com/unsubscribe", unsubscribe.LinkOptions{}, key)
//	…
//	handler, err := unsubscribe.NewHandler(links, runner, unsubscribe.Options{Title: "Acme emails"})
//	…
//	mux.Handle("/unsubscribe", handler)
//
// Mail programs send the POST without a cookie, a session or a CSRF token: exempt the
// handler from middleware that requires one. A link works for every holder, so keep the
// query of its URL out of access logs.
//
// Give links.URL to the renderer of the emails, such as
// template.Options.UnsubscribeURL. The Runner skips the emails of a contact that is
// unsubscribed, and performs all other steps of its runs.
package unsubscribe
