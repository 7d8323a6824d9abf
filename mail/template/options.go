package template

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/nilness"
)

// check returns what is wrong with the options.
func (o Options) check() error {
	var c check
	c.notNilPointer("Clock", o.Clock)
	c.notNilPointer("Random", o.Random)
	var from check
	from.headers(&Template{From: o.From})
	from.text("from", o.From, false)
	for _, p := range from.problems {
		c.add(automation.CodeInvalidOption, "From", "%s", p.Message)
	}
	return c.problems.Err("template options")
}

// notNilPointer refuses an interface that holds a nil pointer. It is not nil itself,
// so that the first call through it would panic.
func (c *check) notNilPointer(path string, dependency any) {
	if nilness.Hidden(dependency) {
		c.add(automation.CodeInvalidOption, path, "is a nil %T: give one that works", dependency)
	}
}

// withDefaults returns o with its zero fields filled in.
func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = automation.SystemClock()
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.UnsubscribeURL == nil {
		o.UnsubscribeURL = noUnsubscribeURL
	}
	return o
}

func noUnsubscribeURL(automation.Contact) (string, error) {
	return "", automation.Permanent(errors.New("the template uses " + unsubscribeURL + ", and Options.UnsubscribeURL is not set"))
}

// newID returns a random UUID (RFC 9562, version 4).
func newID(random io.Reader) (string, error) {
	var raw [16]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", err
	}
	raw[6] = raw[6]&0x0f | 0x40
	raw[8] = raw[8]&0x3f | 0x80
	h := hex.EncodeToString(raw[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], nil
}
