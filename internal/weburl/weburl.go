// Package weburl recognises web addresses.
package weburl

import "net/url"

// Parse returns the parts of text if it is an absolute http or https URL with a host.
func Parse(text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, false
	}
	return u, true
}
