package unsubscribe

import (
	"log/slog"
	"regexp"
	"strings"

	"github.com/seed-b636437c/automation/internal/options"
	"github.com/seed-b636437c/automation/internal/weburl"
)

// Options are the look and the texts of the page. The zero value works.
type Options struct {
	// Title is the page's heading: "Email preferences" by default.
	Title string
	// Description stands below the title, if it is not empty.
	Description string
	// LogoURL is an image above the title: an http or https URL, or a data: URL
	// of an image. Empty shows none.
	LogoURL string
	// LogoAlt is the text in place of the logo for readers who cannot see it. Leave it
	// empty if it would repeat the title.
	LogoAlt string
	// Background, Foreground and Accent are colours, as #rgb or #rrggbb. Accent is the
	// colour of the button. Without any of them the page follows the reader's choice
	// of light or dark. If only some are given, the rest is chosen to be readable with
	// them. Whether the given colours are readable together is not checked.
	Background, Foreground, Accent string
	// Language is the language tag of Text and of the title: "en" by default.
	Language string
	// Text replaces phrases of the page. Empty phrases stay English.
	Text Text
	// Logger logs errors of reading and updating contacts. Nil discards the log.
	Logger *slog.Logger
}

// Text holds the phrases of the page.
type Text struct {
	// Subscribed, Unsubscribed and Gone are the state of the contact. Gone is for a
	// contact that was deleted.
	Subscribed, Unsubscribed, Gone string
	// Unsubscribe and Resubscribe are the labels of the buttons.
	Unsubscribe, Resubscribe string
	// Damaged, Expired, Refused and Failed are the reasons why nothing was changed: the
	// link is incomplete or forged, the link is too old, the request is invalid, the
	// contacts cannot be reached now.
	Damaged, Expired, Refused, Failed string
}

var english = Text{
	Subscribed:   "You are subscribed to our emails.",
	Unsubscribed: "You are unsubscribed. You get no more of these emails.",
	Gone:         "This address gets no more emails.",
	Unsubscribe:  "Unsubscribe",
	Resubscribe:  "Subscribe again",
	Damaged:      "This link is incomplete or damaged. Please open it again from the email.",
	Expired:      "This link has expired. Please use the link in a newer email.",
	Refused:      "This request could not be understood. Nothing was changed.",
	Failed:       "This did not work just now, and nothing was changed. Please try again in a few minutes.",
}

// withDefaults returns o with its empty fields filled in, except for the colours, and
// reports to c what is wrong with the other fields.
func (o Options) withDefaults(c optionCheck) Options {
	c.color("Background", o.Background)
	c.color("Foreground", o.Foreground)
	c.color("Accent", o.Accent)
	c.logo(o.LogoURL)
	fill(&o.Title, "Email preferences")
	fill(&o.Language, "en")
	if !languageTag.MatchString(o.Language) {
		c.Add("Language", "%.40q is not a language tag: give one such as en or pt-BR", o.Language)
	}
	o.Text = o.Text.withDefaults()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func (t Text) withDefaults() Text {
	fill(&t.Subscribed, english.Subscribed)
	fill(&t.Unsubscribed, english.Unsubscribed)
	fill(&t.Gone, english.Gone)
	fill(&t.Unsubscribe, english.Unsubscribe)
	fill(&t.Resubscribe, english.Resubscribe)
	fill(&t.Damaged, english.Damaged)
	fill(&t.Expired, english.Expired)
	fill(&t.Refused, english.Refused)
	fill(&t.Failed, english.Failed)
	return t
}

func fill(s *string, def string) {
	if *s == "" {
		*s = def
	}
}

var (
	languageTag = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)
	hexColor    = regexp.MustCompile(`^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$`)
	imageData   = regexp.MustCompile(`^data:image/[A-Za-z0-9.+-]+[;,][!-~]*$`)
)

// optionCheck validates the arguments of a constructor.
type optionCheck struct{ *options.Check }

func (c optionCheck) color(path, color string) {
	if color != "" && !hexColor.MatchString(color) {
		c.Add(path, "%.40q is not a colour: give one such as #336699", color)
	}
}

func (c optionCheck) logo(logo string) {
	if logo == "" {
		return
	}
	if _, ok := imageSource(logo); !ok {
		c.Add("LogoURL", "is neither an http or https URL nor a data: URL of an image")
	}
}

// imageSource returns the source that a content security policy must allow for this
// image.
func imageSource(logo string) (string, bool) {
	if imageData.MatchString(logo) {
		return "data:", true
	}
	u, ok := weburl.Parse(logo)
	if !ok || strings.ContainsAny(u.Host, ";,'* ") {
		return "", false
	}
	return u.Scheme + "://" + u.Host, true
}
