package dashboard

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strings"
	"sync"
)

//go:embed pages/*.html
var pageFiles embed.FS

// templates holds the templates of all pages, by the names of their files. Each is the
// layout with the template "content" of its own file and those of the files whose names
// begin with _.
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
	content, err := execute(name, "content", p)
	if err != nil {
		return err
	}
	if p.Live {
		p.Tag = tagOf(content)
		x.w.Header().Set("ETag", p.Tag)
		if x.r.Header.Get("If-None-Match") == p.Tag {
			x.w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	p.Content = template.HTML(content) // html/template has escaped it
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

// json answers a script.
func (x *exchange) json(status int, body any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	x.w.Header().Set("Content-Type", "application/json")
	x.write(status, encoded)
	return nil
}
