package template

import (
	"crypto/rand"
	"errors"
	"io"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/options"
	"github.com/seed-b636437c/automation/internal/uuid"
)

// check returns an error with all problems of the options.
func (o Options) check() error {
	var problems automation.Problems
	c := options.New(&problems, automation.CodeInvalidOption)
	c.NotNilPointer("Clock", o.Clock)
	c.NotNilPointer("Random", o.Random)
	var from check
	from.headers(&Template{From: o.From})
	from.text("from", o.From, false)
	for _, p := range from.problems {
		c.Add("From", "%s", p.Message)
	}
	return problems.Err("template options")
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
	return uuid.Format(raw), nil
}
