package browser_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mounts are ways to serve the dashboard: each returns a server's handler and the prefix.
var mounts = map[string]func(t *testing.T, dash http.Handler) (http.Handler, string){
	"at the root": func(_ *testing.T, dash http.Handler) (http.Handler, string) { return dash, "" },
	"under a prefix": func(_ *testing.T, dash http.Handler) (http.Handler, string) {
		mux := http.NewServeMux()
		mux.Handle("/internal/automations/", http.StripPrefix("/internal/automations", dash))
		return mux, "/internal/automations"
	},
	"in chi": func(_ *testing.T, dash http.Handler) (http.Handler, string) {
		router := chi.NewRouter()
		router.Route("/admin", func(r chi.Router) {
			r.Mount("/automations", http.StripPrefix("/admin/automations", dash))
		})
		return router, "/admin/automations"
	},
	"in gin": func(_ *testing.T, dash http.Handler) (http.Handler, string) {
		gin.SetMode(gin.ReleaseMode)
		router := gin.New()
		router.Any("/automations/*path", gin.WrapH(http.StripPrefix("/automations", dash)))
		return router, "/automations"
	},
	"behind a proxy that removes the prefix": func(t *testing.T, dash http.Handler) (http.Handler, string) {
		app := httptest.NewServer(dash)
		t.Cleanup(app.Close)
		target, err := url.Parse(app.URL)
		require.NoError(t, err)
		return http.StripPrefix("/tools/mail", httputil.NewSingleHostReverseProxy(target)), "/tools/mail"
	},
}

var links = regexp.MustCompile(`(?:href|src|action|data-check|data-save|data-leave|data-pick)="([^"]*)"`)

// Every link of every page leads to a page under the prefix.
func TestLinks_WorkUnderEveryMount(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.populate()
	for name, mount := range mounts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler, prefix := mount(t, s.handler)
			server := httptest.NewServer(handler)
			t.Cleanup(server.Close)
			c := crawler{t: t, root: server.URL + prefix + "/", seen: map[string]bool{}}
			c.visit(c.root)
			assert.Greater(t, len(c.seen), 15, "pages and assets")
		})
	}
}

// crawler follows all links from one page.
type crawler struct {
	t    *testing.T
	root string
	seen map[string]bool
}

// crawlMax bounds the pages of one crawl: lists have links to further pages.
const crawlMax = 120

func (c *crawler) visit(page string) {
	if c.seen[page] || len(c.seen) > crawlMax {
		return
	}
	c.seen[page] = true
	response, err := http.Get(page)
	require.NoError(c.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(c.t, err)
	if strings.Contains(response.Header.Get("Content-Security-Policy"), "sandbox") {
		return // an email: its links are the shop's, and it may lack a template
	}
	assert.Equal(c.t, http.StatusOK, response.StatusCode, page)
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
		return
	}
	for _, found := range links.FindAllStringSubmatch(string(body), -1) {
		c.follow(response.Request.URL.String(), strings.ReplaceAll(found[1], "&amp;", "&"), found[0])
	}
}

// follow visits what a link leads to, unless the link is one of a form that makes a change.
func (c *crawler) follow(page, link, attribute string) {
	base, err := url.Parse(page)
	require.NoError(c.t, err)
	target, err := base.Parse(link)
	require.NoError(c.t, err, "%s on %s", link, page)
	target.Fragment = ""
	require.True(c.t, strings.HasPrefix(target.String(), c.root), "%s on %s leaves the dashboard", link, page)
	if strings.HasPrefix(attribute, "href") || strings.HasPrefix(attribute, "src") {
		c.visit(target.String())
	}
}
