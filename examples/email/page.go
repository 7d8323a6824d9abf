package main

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/unsubscribe"
)

// page is the web server with the unsubscribe page.
type page struct {
	links    *unsubscribe.Links
	listener net.Listener
	server   *http.Server
}

// startPage makes links to base, or to this machine if base is empty.
func startPage(base string) (*page, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	// A real application stores its key, so that links in old emails keep working.
	key := make([]byte, 32)
	rand.Read(key)
	base = cmp.Or(base, fmt.Sprintf("http://%s/unsubscribe", listener.Addr()))
	links, err := unsubscribe.NewLinks(base, unsubscribe.LinkOptions{}, key)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return &page{links: links, listener: listener, server: &http.Server{ReadHeaderTimeout: 5 * time.Second}}, nil
}

// serve serves the page for the contacts of runner.
func (p *page) serve(runner *automation.Runner) error {
	handler, err := unsubscribe.NewHandler(p.links, runner, unsubscribe.Options{
		Title:       "Emails from Acorn",
		Description: "We write a few times a month.",
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/unsubscribe", handler)
	p.server.Handler = mux
	go p.server.Serve(p.listener)
	return nil
}

// click sends the request of a mail program whose user presses "unsubscribe".
func (p *page) click(c automation.Contact) error {
	link, err := p.links.URL(c)
	if err != nil {
		return err
	}
	u, err := url.Parse(link)
	if err != nil {
		return err
	}
	u.Scheme, u.Host = "http", p.listener.Addr().String() // the page is on this machine, also if links lead elsewhere
	res, err := http.Post(u.String(), "application/x-www-form-urlencoded", strings.NewReader("List-Unsubscribe=One-Click"))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("unsubscribe: %s", res.Status)
	}
	return nil
}

func (p *page) stop() { errors.Join(p.server.Close(), p.listener.Close()) }
