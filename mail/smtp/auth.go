package smtp

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	wire "github.com/wneessen/go-mail/smtp"
)

// AuthMechanism is a way to sign in. The zero value means the best mechanism that the
// server offers of those that need a password.
type AuthMechanism string

// The mechanisms.
const (
	AuthSCRAMSHA256 AuthMechanism = "SCRAM-SHA-256"
	AuthSCRAMSHA1   AuthMechanism = "SCRAM-SHA-1"
	AuthCRAMMD5     AuthMechanism = "CRAM-MD5"
	AuthPlain       AuthMechanism = "PLAIN"
	AuthLogin       AuthMechanism = "LOGIN"
	// AuthXOAuth2 needs an access token as the password. The zero value never chooses
	// it.
	AuthXOAuth2 AuthMechanism = "XOAUTH2"
)

// discovered are the mechanisms that the zero value chooses from, best first.
var discovered = []AuthMechanism{AuthSCRAMSHA256, AuthSCRAMSHA1, AuthCRAMMD5, AuthPlain, AuthLogin}

const mechanismNames = "SCRAM-SHA-256, SCRAM-SHA-1, CRAM-MD5, PLAIN, LOGIN, XOAUTH2"

func (a AuthMechanism) known() bool {
	return a == "" || a == AuthXOAuth2 || slices.Contains(discovered, a)
}

// showsPassword reports whether the mechanism reveals the password to an attacker who can
// read the connection.
func (a AuthMechanism) showsPassword() bool {
	return a == AuthPlain || a == AuthLogin || a == AuthXOAuth2
}

func (o *Options) mayShowPassword(host string, encrypted bool) bool {
	return encrypted || o.AllowCleartextPassword || isLocal(host)
}

func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// authenticate signs in. The client closes the connection if signing in fails.
func (m *Mailer) authenticate(c *wire.Client) error {
	if m.opts.Username == "" {
		return nil
	}
	_, state := c.TLSConnectionState()
	_, offered := c.Extension("AUTH")
	mechanism, err := m.opts.mechanism(m.host, state, strings.Fields(offered))
	if err != nil {
		return err
	}
	return c.Auth(m.opts.exchange(mechanism, m.host))
}

// mechanism chooses one of the mechanisms that the server offers.
func (o *Options) mechanism(host string, encrypted bool, offered []string) (AuthMechanism, error) {
	candidates := discovered
	if o.Auth != "" {
		candidates = []AuthMechanism{o.Auth}
	}
	hidden := false
	for _, a := range candidates {
		if !slices.ContainsFunc(offered, func(s string) bool { return strings.EqualFold(s, string(a)) }) {
			continue
		}
		if !a.showsPassword() || o.mayShowPassword(host, encrypted) {
			return a, nil
		}
		hidden = true
	}
	if hidden {
		return "", errors.New("the connection is not encrypted, and every mechanism that the server offers would show the password")
	}
	return "", fmt.Errorf("the server offers %q, and %q would be needed", offered, candidates)
}

// exchange returns the client's side of mechanism a. The caller has checked that the
// password may be shown.
func (o *Options) exchange(a AuthMechanism, host string) wire.Auth {
	switch a {
	case AuthSCRAMSHA256:
		return wire.ScramSHA256Auth(o.Username, o.Password)
	case AuthSCRAMSHA1:
		return wire.ScramSHA1Auth(o.Username, o.Password)
	case AuthCRAMMD5:
		return wire.CRAMMD5Auth(o.Username, o.Password)
	case AuthLogin:
		return wire.LoginAuth(o.Username, o.Password, host, true)
	case AuthXOAuth2:
		return wire.XOAuth2Auth(o.Username, o.Password)
	default:
		return wire.PlainAuth("", o.Username, o.Password, host, true)
	}
}
