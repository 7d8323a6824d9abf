package unsubscribe

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/options"
	"github.com/seed-b636437c/automation/internal/weburl"
)

// minKeyBytes is the size of an HMAC-SHA256: a shorter key would be easier to guess than
// a signature.
const minKeyBytes = 32

// tokenParameter is the parameter of the query that carries the token. Because the token
// is not in the path, the handler works under every path.
const tokenParameter = "t"

// Links makes unsubscribe links and verifies them. It is safe for concurrent use.
type Links struct {
	prefix   string // of every link, up to the token
	keys     [][]byte
	lifetime time.Duration
	clock    automation.Clock
}

// LinkOptions tune Links. The zero value works.
type LinkOptions struct {
	// Lifetime is how long a link works, in whole seconds. Zero, the default, means for
	// ever: people use links in old emails, and after a link that does not work only
	// the spam button is left.
	Lifetime time.Duration
	// Clock is the source of the time: the system's clock by default.
	Clock automation.Clock
}

// NewLinks returns Links to base, the URL at which the handler is mounted, such as
// https://example.com/unsubscribe. Mail programs offer one click only for https. The first
// key signs links, and links of all keys are accepted: to replace a key, put the new key
// first, and remove the old key when its links need not work any more. A key is at least
// 32 random bytes. The error is an *automation.ValidationError that lists all problems of
// the arguments.
func NewLinks(base string, opts LinkOptions, keys ...[]byte) (*Links, error) {
	var problems automation.Problems
	c := optionCheck{options.New(&problems, automation.CodeInvalidOption)}
	prefix := c.base(base)
	c.keys(keys)
	if opts.Lifetime < 0 || opts.Lifetime%time.Second != 0 {
		c.Add("Lifetime", "%s must be whole seconds, or zero for links that always work", opts.Lifetime)
	}
	if err := problems.Err("unsubscribe links"); err != nil {
		return nil, err
	}
	if opts.Clock == nil {
		opts.Clock = automation.SystemClock()
	}
	l := &Links{prefix: prefix, lifetime: opts.Lifetime, clock: opts.Clock}
	for _, key := range keys {
		l.keys = append(l.keys, slices.Clone(key))
	}
	return l, nil
}

// URL returns the contact's link. The error is marked with automation.Permanent; it is not
// nil if the contact has no id or an id of more than 255 bytes.
func (l *Links) URL(c automation.Contact) (string, error) {
	if c.ID == "" {
		return "", automation.Permanent(errors.New("unsubscribe: the contact has no id"))
	}
	if len(c.ID) > maxIDBytes {
		return "", automation.Permanent(fmt.Errorf("unsubscribe: the contact's id has more than %d bytes", maxIDBytes))
	}
	claim := claim{contactID: c.ID}
	if l.lifetime > 0 {
		claim.expires = l.clock.Now().Add(l.lifetime).Unix()
	}
	return l.prefix + claim.token(l.keys[0]), nil
}

// open returns the id of the contact that a token belongs to. The error is errDamaged or
// errExpired.
func (l *Links) open(token string) (string, error) {
	claim, err := openToken(token, l.keys)
	if err != nil {
		return "", err
	}
	if claim.expires != 0 && l.clock.Now().Unix() >= claim.expires {
		return "", errExpired
	}
	return claim.contactID, nil
}

// base validates the URL of the handler and returns the beginning of every link.
func (c optionCheck) base(base string) string {
	u, ok := weburl.Parse(base)
	switch {
	case !ok:
		c.Add("base", "is not a web address: give one such as https://example.com/unsubscribe")
		return ""
	case u.Fragment != "" || strings.HasSuffix(base, "#"):
		c.Add("base", "must not have a fragment: it would hide the token")
	case u.User != nil:
		c.Add("base", "must not contain a password: every recipient would see it")
	case strings.ContainsAny(base, "<> ,\""):
		c.Add("base", "must not contain spaces, commas, quotes or angle brackets: they end a link in an email")
	case strings.ContainsFunc(base, func(r rune) bool { return r > '~' }):
		c.Add("base", "must be ASCII, for an email's header: write the host as xn--…, and the path with %%-escapes")
	case strings.Contains(u.Path, "//"):
		c.Add("base", "must not have two slashes in a row: many servers redirect then, and one click does not follow")
	case u.Query().Has(tokenParameter):
		c.Add("base", "must not have the parameter %q, which carries the token", tokenParameter)
	}
	separator := "?"
	if strings.Contains(base, "?") {
		separator = "&"
	}
	return base + separator + tokenParameter + "="
}

// keys never puts a key into a message.
func (c optionCheck) keys(keys [][]byte) {
	if len(keys) == 0 {
		c.Add("keys", "are missing: give at least one")
	}
	for i, key := range keys {
		if len(key) < minKeyBytes {
			c.Add(fmt.Sprintf("keys[%d]", i), "has %d bytes: give at least %d random ones", len(key), minKeyBytes)
		}
	}
}
