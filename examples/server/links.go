package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"github.com/seed-b636437c/automation/unsubscribe"
)

// newLinks returns the unsubscribe links of a server at addr, signed with the key in file.
func newLinks(addr net.Addr, file string) (*unsubscribe.Links, error) {
	key, err := linkKey(file)
	if err != nil {
		return nil, err
	}
	return unsubscribe.NewLinks(fmt.Sprintf("http://%s/unsubscribe", addr), unsubscribe.LinkOptions{}, key)
}

// linkKey returns the key in file, so that links in old emails work after a restart. It
// makes the key and the file if there are none.
func linkKey(file string) ([]byte, error) {
	key, err := os.ReadFile(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key = make([]byte, 32)
	rand.Read(key)
	return key, os.WriteFile(file, key, 0o600)
}

// offer also serves the page of the links.
func (s *server) offer(links *unsubscribe.Links) error {
	page, err := unsubscribe.NewHandler(links, s.runner, unsubscribe.Options{Title: "Emails from Acme"})
	if err != nil {
		return err
	}
	s.pages["/unsubscribe"] = page
	return nil
}
