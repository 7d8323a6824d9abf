package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"regexp"
	"strings"
	"sync"
)

//go:embed pages/*.html
var pageFiles embed.FS

// page is what the layout shows around a page, and what the page shows.
type page struct {
	// Title names the page, as its heading does.
	Title string
	// Section is the entry of the navigation that the page belongs to.
	Section string
	// Body is what the template of the page shows.
	Body any
	// Script is the module of the page, besides that of all pages.
	Script string
	// Live keeps the parts of the page that are marked data-live up to date.
	Live bool
	// Refresh is after how many seconds the page loads itself again if there is no
	// JavaScript. With JavaScript, Live keeps the page up to date.
	Refresh int
	// Tag changes with what the page shows.
	Tag string

	x *exchange
}

// Name, Links, Access, Path and Asset are for the layout.
func (p page) Name() string { return p.x.opts.Title }

// HasLogo reports whether the host has a logo of its own.
func (p page) HasLogo() bool { return p.x.opts.LogoSVG != "" }

// Links returns the links of the host.
func (p page) Links() []Link { return p.x.opts.Links }

// Access returns what the person may do.
func (p page) Access() Access { return p.x.access }

// To returns a link to a page.
func (p page) To(segments ...string) template.URL { return p.x.to.To(segments...) }

// With returns a link with a query.
func (p page) With(link template.URL, pairs ...string) template.URL {
	return p.x.to.With(link, pairs...)
}

// Asset returns the link to an asset.
func (p page) Asset(file string) template.URL { return p.x.to.To("assets", p.x.assets.version, file) }

// Zone returns the name of the time zone of the page.
func (p page) Zone() string { return p.x.opts.Location.String() }

// Search returns what the person searched for.
func (p page) Search() string { return p.x.r.URL.Query().Get("q") }

// Warning returns what every page warns of, or nil. It is only for people who may see
// pages.
func (p page) Warning() *warning {
	if !p.x.access.May(AccessView) {
		return nil
	}
	return p.x.warning(p.x.ctx)
}

// Sections returns the navigation.
func (p page) Sections() []section { return p.x.sections() }

// section is an entry of the navigation.
type section struct{ Name, Path string }

func (h *Handler) sections() []section {
	all := []section{{"Automations", ""}, {"Runs", "runs"}, {"Contacts", "contacts"}, {"Events", "events"}}
	if h.opts.Templates != nil {
		all = append(all, section{"Templates", "templates"})
	}
	return all
}

// templates holds the templates of all pages, by the names of their files. Each is the
// layout with the blocks of its own file and those of the files whose names begin with _.
var templates = sync.OnceValue(func() map[string]*template.Template {
	base := template.Must(template.New("layout.html").Funcs(functions).ParseFS(pageFiles, "pages/layout.html", "pages/_*.html"))
	entries, err := pageFiles.ReadDir("pages")
	if err != nil {
		panic(err) // the folder is embedded
	}
	all := map[string]*template.Template{}
	for _, entry := range entries {
		name := strings.TrimSuffix(entry.Name(), ".html")
		if name == "layout" || name[0] == '_' {
			continue
		}
		all[name] = template.Must(template.Must(base.Clone()).ParseFS(pageFiles, path.Join("pages", entry.Name())))
	}
	return all
})

// show answers with a page.
func (x *exchange) show(name string, p page) error {
	return x.render(http.StatusOK, name, p)
}

// render answers with a page and a status. A template that fails sends nothing of itself.
func (x *exchange) render(status int, name string, p page) error {
	p.x = x
	if p.Live {
		content, err := execute(name, "content", p)
		if err != nil {
			return err
		}
		p.Tag = tagOf(content)
		x.w.Header().Set("ETag", p.Tag)
		if x.r.Header.Get("If-None-Match") == p.Tag {
			x.w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	body, err := execute(name, "layout.html", p)
	if err != nil {
		return err
	}
	x.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	x.write(status, body)
	return nil
}

// execute executes one of the templates of a page.
func execute(name, part string, p page) ([]byte, error) {
	var b bytes.Buffer
	if err := templates()[name].ExecuteTemplate(&b, part, p); err != nil {
		return nil, fmt.Errorf("dashboard: page %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// times are the parts of a page that change although nothing happens: how long ago
// something was.
var times = regexp.MustCompile(`(?s)<time[^>]*>[^<]*</time>`)

// tagOf returns the entity tag of the content of a page.
func tagOf(content []byte) string {
	hash := sha256.New()
	for len(content) > 0 {
		at := times.FindIndex(content)
		if at == nil {
			break
		}
		hash.Write(content[:at[0]])
		hash.Write(machineTime.Find(content[at[0]:at[1]]))
		content = content[at[1]:]
	}
	hash.Write(content)
	return `"` + hex.EncodeToString(hash.Sum(nil)[:12]) + `"`
}

// machineTime is the attribute with the time itself.
var machineTime = regexp.MustCompile(`datetime="[^"]*"`)

// write writes a body, compressed if the client takes that.
func (x *exchange) write(status int, body []byte) {
	header := x.w.Header()
	header.Add("Vary", "Accept-Encoding")
	if !strings.Contains(x.r.Header.Get("Accept-Encoding"), "gzip") {
		x.w.WriteHeader(status)
		_, _ = x.w.Write(body) // the client is gone
		return
	}
	header.Set("Content-Encoding", "gzip")
	x.w.WriteHeader(status)
	zipped, _ := gzip.NewWriterLevel(x.w, gzip.BestSpeed) // the level is valid
	_, _ = zipped.Write(body)
	_ = zipped.Close()
}
