package dashboard

import (
	"html/template"
)

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
	// Tag changes with what the page shows. render sets it, and Content, which is what the
	// template of the page made of Body.
	Tag     string
	Content template.HTML

	x *exchange
}

// The methods are for the templates.

// Name returns the name on all pages.
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
