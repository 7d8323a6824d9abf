package dashboard

import (
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

// linker makes links that are relative to the page of a request. It is the way from that
// page to the root of the Handler: "./", "../", "../../" and so on. A proxy may serve the
// Handler under any prefix without the Handler's knowledge of it.
type linker string

// linkerOf returns the linker of the page that r is for.
func linkerOf(r *http.Request) linker {
	depth := strings.Count(r.URL.EscapedPath(), "/") - 1
	if depth <= 0 {
		return "./"
	}
	return linker(strings.Repeat("../", depth))
}

// To returns the link to a page, whose path has these segments. It escapes them: the id of
// an automation may contain a slash.
func (l linker) To(segments ...string) template.URL {
	escaped := make([]string, len(segments))
	for i, segment := range segments {
		escaped[i] = url.PathEscape(segment)
	}
	return template.URL(string(l) + strings.Join(escaped, "/"))
}

// With returns a link with a query, which leaves out empty values. The arguments are names
// and values in turn.
func (l linker) With(link template.URL, pairs ...string) template.URL {
	query := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			query.Set(pairs[i], pairs[i+1])
		}
	}
	if len(query) == 0 {
		return link
	}
	return link + template.URL("?"+query.Encode())
}

// redirect redirects to a relative link. http.Redirect would resolve the link against the
// path that http.StripPrefix left.
func redirect(w http.ResponseWriter, link string, status int) {
	w.Header().Set("Location", link)
	w.WriteHeader(status)
}

// seeOther redirects after a form was handled, so that a reload does not send it again.
func (x *exchange) seeOther(link template.URL) error {
	redirect(x.w, string(link), http.StatusSeeOther)
	return nil
}

// lastSegment returns the last segment of the path that the client requested.
func lastSegment(r *http.Request) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	return path[strings.LastIndexByte(path, '/')+1:]
}
