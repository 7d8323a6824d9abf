package smtp

import (
	"crypto/tls"
	"log/slog"
	"math"
	"net"
	"os"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/options"
	"github.com/seed-b636437c/automation/mail"
)

// TLSMode is how the connection is encrypted.
type TLSMode string

// The TLS modes.
const (
	// StartTLS begins without encryption and must be upgraded before anything is sent.
	// It is the default.
	StartTLS TLSMode = "starttls"
	// ImplicitTLS is encrypted from the first byte.
	ImplicitTLS TLSMode = "implicit"
	// OpportunisticTLS is StartTLS if the server offers it, and NoTLS if not. It does
	// not protect against an attacker on the network, who can hide the offer.
	OpportunisticTLS TLSMode = "opportunistic"
	// NoTLS never encrypts. It is for a server on the same machine.
	NoTLS TLSMode = "none"
)

// Options tune a Mailer. The zero value works with a server that needs no
// authentication.
type Options struct {
	// Port is 587 by default, and 465 with ImplicitTLS.
	Port int
	// TLS is StartTLS by default.
	TLS TLSMode
	// TLSConfig is used for the handshake. Nil trusts the system's roots. An empty
	// ServerName means the host.
	TLSConfig *tls.Config
	// Username and Password sign in, unless the Username is empty. With
	// AuthXOAuth2 the Password is the access token.
	Username, Password string
	// Auth is the mechanism to sign in with. By default it is the best of those that
	// the server offers.
	Auth AuthMechanism
	// AllowCleartextPassword allows sending a password over a connection that is not
	// encrypted. Without it, that is allowed only for a server on this machine.
	AllowCleartextPassword bool
	// LocalName is the name of the client in EHLO: the name of this machine by
	// default.
	LocalName string
	// Connections is how many connections are open at most: 4 by default. The Mailer
	// opens a connection when it needs one, and keeps it. While all of them are busy,
	// a further send waits.
	Connections int
	// RatePerSecond bounds how many messages are sent, over all connections. Zero means
	// no bound.
	RatePerSecond float64
	// Burst is how many messages may be sent at once after a pause: 1 by default. A
	// Burst needs a RatePerSecond.
	Burst int
	// Timeout bounds dialing, and each read and write: 15 seconds by default. The
	// context of SendEmail bounds all of them together.
	Timeout time.Duration
	// IdleTimeout is how long a connection may be idle and still be used again: 30
	// seconds by default. Servers close connections that are idle for long.
	IdleTimeout time.Duration
	// MessagesPerConnection is how many messages a connection carries before it is
	// replaced. Zero means no bound.
	MessagesPerConnection int
	// Archive keeps a copy of each email after the server accepted it, such as an
	// *archive.Archive, from which a dashboard can show the email. Keep gets 5 seconds. If it
	// fails, the email counts as sent all the same, and the log has the reason. Nil keeps no
	// copies.
	Archive mail.Archive
	// Logger logs the emails of which no copy could be kept. Nil discards the log.
	Logger *slog.Logger
}

// withDefaults returns o with its zero fields filled in, and an error with all problems of
// the arguments of New.
func (o Options) withDefaults(host string, renderer mail.Renderer) (Options, error) {
	var problems automation.Problems
	c := optionCheck{options.New(&problems, automation.CodeInvalidOption)}
	c.host(host)
	c.Required("renderer", renderer)
	c.tls(&o)
	c.auth(&o, host)
	c.localName(&o.LocalName)
	c.Count("Connections", &o.Connections, 4)
	c.Count("MessagesPerConnection", &o.MessagesPerConnection, 0)
	c.Duration("Timeout", &o.Timeout, 15*time.Second)
	c.Duration("IdleTimeout", &o.IdleTimeout, 30*time.Second)
	c.rate(&o)
	c.NotNilPointer("Archive", o.Archive)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.TLSConfig = o.TLSConfig.Clone()
	if o.TLSConfig == nil {
		o.TLSConfig = &tls.Config{}
	}
	if o.TLSConfig.ServerName == "" {
		o.TLSConfig.ServerName = host
	}
	return o, problems.Err("options of the SMTP mailer")
}

// optionCheck validates the arguments of New.
type optionCheck struct{ *options.Check }

func (c optionCheck) host(host string) {
	switch {
	case host == "":
		c.Add("host", "is required")
	case strings.ContainsFunc(host, notInName), strings.Contains(host, ":") && net.ParseIP(host) == nil:
		c.Add("host", "%q is not a host name or an IP address: give the port as Port", host)
	}
}

func (c optionCheck) tls(o *Options) {
	port := 587
	switch o.TLS {
	case "":
		o.TLS = StartTLS
	case ImplicitTLS:
		port = 465
	case StartTLS, OpportunisticTLS, NoTLS:
	default:
		c.Add("TLS", "%q is unknown: use %q, %q, %q or %q", string(o.TLS), StartTLS, ImplicitTLS, OpportunisticTLS, NoTLS)
	}
	if o.Port < 0 || o.Port > math.MaxUint16 {
		c.Add("Port", "%d is not a port: give one up to 65535, or zero for the default", o.Port)
	}
	if o.Port == 0 {
		o.Port = port
	}
}

func (c optionCheck) auth(o *Options, host string) {
	if !o.Auth.known() {
		c.Add("Auth", "%q is unknown: leave it empty, or use one of %s", string(o.Auth), mechanismNames)
	}
	if o.Username == "" && (o.Password != "" || o.Auth != "") {
		c.Add("Username", "is required with Password or Auth")
	}
	if strings.ContainsRune(o.Username+o.Password, 0) {
		c.Add("Username", "or Password contains a NUL character")
	}
	if o.TLS == NoTLS && o.Auth.showsPassword() && !o.mayShowPassword(host, false) {
		c.Add("Auth", "%s would show the password on a connection without TLS: use TLS, another mechanism, or AllowCleartextPassword", o.Auth)
	}
}

func (c optionCheck) localName(name *string) {
	if strings.ContainsFunc(*name, notInName) {
		c.Add("LocalName", "%q is not a host name", *name)
	}
	if *name == "" {
		*name, _ = os.Hostname()
	}
	if *name == "" || strings.ContainsFunc(*name, notInName) {
		*name = "localhost"
	}
}

// notInName reports whether r would end or split the word that a name is in a command.
func notInName(r rune) bool { return r <= ' ' || r > '~' || r == '/' || r == '@' }

func (c optionCheck) rate(o *Options) {
	c.Rate("RatePerSecond", o.RatePerSecond)
	if o.Burst > 0 && o.RatePerSecond == 0 {
		c.Add("Burst", "means nothing without RatePerSecond")
	}
	c.Count("Burst", &o.Burst, 1)
}
