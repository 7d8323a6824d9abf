package dashboard

import (
	"bytes"
	"compress/gzip"
	"embed"
	"html/template"
	"net/http"
	"path"
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

	x *exchange
}

// Name, Links, Access, Path and Asset are for the layout.
func (p page) Name() string { return p.x.opts.Title }

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
func (p page) Asset(file string) template.URL { return p.x.to.To("assets", assets().version, file) }

// Zone returns the name of the time zone of the page.
func (p page) Zone() string { return p.x.opts.Location.String() }

// Search returns what the person searched for.
func (p page) Search() string { return p.x.r.URL.Query().Get("q") }

// Sections returns the navigation.
func (p page) Sections() []section { return p.x.sections() }

// section is an entry of the navigation.
type section struct{ Name, Path string }

func (h *Handler) sections() []section {
	all := []section{{"Automations", ""}, {"Contacts", "contacts"}, {"Events", "events"}}
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
	var body bytes.Buffer
	if err := templates()[name].ExecuteTemplate(&body, "layout.html", p); err != nil {
		x.opts.Logger.Error("dashboard: page failed", "page", name, "error", err)
		http.Error(x.w, "This page cannot be shown. The log of the application has the reason.", http.StatusInternalServerError)
		return nil
	}
	x.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	x.write(status, body.Bytes())
	return nil
}

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
