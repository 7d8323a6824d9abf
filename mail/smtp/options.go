package smtp

import (
	"crypto/tls"
	"math"
	"net"
	"os"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/nilness"
	"github.com/seed-b636437c/automation/mail"
)

// TLSMode says how the connection is encrypted.
type TLSMode string

// The TLS modes.
const (
	// StartTLS begins in the clear and must be upgraded before anything is sent.
	// It is the default.
	StartTLS TLSMode = "starttls"
	// ImplicitTLS is encrypted from the first byte.
	ImplicitTLS TLSMode = "implicit"
	// OpportunisticTLS is StartTLS if the server offers it. It does not protect
	// against somebody who hides the offer.
	OpportunisticTLS TLSMode = "opportunistic"
	// NoTLS is never encrypted, for a server on the same machine.
	NoTLS TLSMode = "none"
)

// Options tune a Mailer. The zero value works with a server that wants no
// authentication.
type Options struct {
	// Port is 587 by default, and 465 with ImplicitTLS.
	Port int
	// TLS is StartTLS by default.
	TLS TLSMode
	// TLSConfig is used for the handshake. Nil trusts the system's roots. An empty
	// ServerName is the host.
	TLSConfig *tls.Config
	// Username and Password sign in, unless the Username is empty. With
	// AuthXOAuth2 the Password is the access token.
	Username, Password string
	// Auth is chosen from what the server offers by default.
	Auth AuthMechanism
	// AllowCleartextPassword lets a password cross a connection that is not
	// encrypted. Without it that is done for a server on this machine only.
	AllowCleartextPassword bool
	// LocalName is how the client introduces itself: the name of this machine by
	// default.
	LocalName string
	// Connections is how many connections are open at most: 4 by default. They
	// are opened when needed, and kept. A send that finds all of them busy waits.
	Connections int
	// RatePerSecond bounds how many messages go out, over all connections. Zero is
	// no bound.
	RatePerSecond float64
	// Burst is how many messages may go out at once after a pause: 1 by default. It
	// needs a RatePerSecond.
	Burst int
	// Timeout bounds dialing, and how long the server may keep one read or write
	// waiting: 15 seconds by default. The context bounds all of it together.
	Timeout time.Duration
	// IdleTimeout is how long a connection may have been idle to be used again: 30
	// seconds by default. Servers drop those that are idle for long.
	IdleTimeout time.Duration
	// MessagesPerConnection is how many messages a connection carries before it is
	// replaced. Zero is no bound.
	MessagesPerConnection int
}

// withDefaults returns o with its zero fields filled in, and what is wrong with the
// arguments of New.
func (o Options) withDefaults(host string, renderer mail.Renderer) (Options, error) {
	c := &optionCheck{}
	c.host(host)
	c.renderer(renderer)
	c.tls(&o)
	c.auth(&o, host)
	c.localName(&o.LocalName)
	c.count("Connections", &o.Connections, 4)
	c.count("MessagesPerConnection", &o.MessagesPerConnection, 0)
	c.duration("Timeout", &o.Timeout, 15*time.Second)
	c.duration("IdleTimeout", &o.IdleTimeout, 30*time.Second)
	c.rate(&o)
	o.TLSConfig = o.TLSConfig.Clone()
	if o.TLSConfig == nil {
		o.TLSConfig = &tls.Config{}
	}
	if o.TLSConfig.ServerName == "" {
		o.TLSConfig.ServerName = host
	}
	return o, c.problems.Err("options of the SMTP mailer")
}

// optionCheck collects what is wrong with the arguments of New.
type optionCheck struct{ problems automation.Problems }

func (c *optionCheck) add(path, format string, args ...any) {
	c.problems.Add(automation.CodeInvalidOption, path, format, args...)
}

func (c *optionCheck) host(host string) {
	switch {
	case host == "":
		c.add("host", "is required")
	case strings.ContainsFunc(host, notInName), strings.Contains(host, ":") && net.ParseIP(host) == nil:
		c.add("host", "%q is not a host name or an IP address: give the port as Port", host)
	}
}

// renderer refuses an interface that holds a nil pointer, too: it is not nil itself,
// so that the first email would panic.
func (c *optionCheck) renderer(renderer mail.Renderer) {
	switch {
	case renderer == nil:
		c.add("renderer", "is required")
	case nilness.Hidden(renderer):
		c.add("renderer", "is a nil %T: give one that works", renderer)
	}
}

func (c *optionCheck) tls(o *Options) {
	port := 587
	switch o.TLS {
	case "":
		o.TLS = StartTLS
	case ImplicitTLS:
		port = 465
	case StartTLS, OpportunisticTLS, NoTLS:
	default:
		c.add("TLS", "%q is unknown: use %q, %q, %q or %q", string(o.TLS), StartTLS, ImplicitTLS, OpportunisticTLS, NoTLS)
	}
	if o.Port < 0 || o.Port > math.MaxUint16 {
		c.add("Port", "%d is not a port: give one up to 65535, or zero for the default", o.Port)
	}
	if o.Port == 0 {
		o.Port = port
	}
}

func (c *optionCheck) auth(o *Options, host string) {
	if !o.Auth.known() {
		c.add("Auth", "%q is unknown: leave it empty, or use one of %s", string(o.Auth), mechanismNames)
	}
	if o.Username == "" && (o.Password != "" || o.Auth != "") {
		c.add("Username", "is required with Password or Auth")
	}
	if strings.ContainsRune(o.Username+o.Password, 0) {
		c.add("Username", "or Password contains a NUL character")
	}
	if o.TLS == NoTLS && o.Auth.showsPassword() && !o.mayShowPassword(host, false) {
		c.add("Auth", "%s would show the password on a connection without TLS: use TLS, another mechanism, or AllowCleartextPassword", o.Auth)
	}
}

func (c *optionCheck) localName(name *string) {
	if strings.ContainsFunc(*name, notInName) {
		c.add("LocalName", "%q is not a host name", *name)
	}
	if *name == "" {
		*name, _ = os.Hostname()
	}
	if *name == "" || strings.ContainsFunc(*name, notInName) {
		*name = "localhost"
	}
}

// notInName reports what would end or split the word that a name is in a command.
func notInName(r rune) bool { return r <= ' ' || r > '~' || r == '/' || r == '@' }

func (c *optionCheck) count(path string, n *int, def int) {
	if *n < 0 {
		c.add(path, "%d is negative: give zero for the default, or more", *n)
	}
	if *n == 0 {
		*n = def
	}
}

func (c *optionCheck) duration(path string, d *time.Duration, def time.Duration) {
	if *d < 0 {
		c.add(path, "%s is negative: give zero for the default, or more", *d)
	}
	if *d == 0 {
		*d = def
	}
}

func (c *optionCheck) rate(o *Options) {
	if math.IsNaN(o.RatePerSecond) || math.IsInf(o.RatePerSecond, 0) || o.RatePerSecond < 0 {
		c.add("RatePerSecond", "%v is not a rate: give zero for none, or a number above it", o.RatePerSecond)
	}
	if o.Burst > 0 && o.RatePerSecond == 0 {
		c.add("Burst", "means nothing without RatePerSecond")
	}
	c.count("Burst", &o.Burst, 1)
}
