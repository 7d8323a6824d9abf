package smtp

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	netmail "net/mail"
	"slices"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"golang.org/x/net/idna"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
)

// outgoing is an encoded message.
type outgoing struct {
	id       string // the Message-ID, without its angle brackets
	from, to string // paths, with their angle brackets
	utf8     bool   // an address needs the server's SMTPUTF8
	data     []byte
	message  mail.Message // that data encodes
}

// compose encodes message. Its errors are permanent, because the next attempt would have
// the same message.
func compose(message mail.Message, key string, now time.Time) (*outgoing, error) {
	envelope, err := message.Check()
	if err != nil {
		return nil, err
	}
	o := &outgoing{}
	for _, a := range append([]*netmail.Address{envelope.From, envelope.To}, envelope.ReplyTo...) {
		if err := o.internationalize(a); err != nil {
			return nil, automation.Permanent(err)
		}
	}
	o.id = messageID(key, envelope.From.Address)
	o.from, o.to = path(envelope.From), path(envelope.To)
	var data bytes.Buffer
	if _, err := encode(message, envelope, o.id, now).WriteTo(&data); err != nil {
		return nil, automation.Permanent(fmt.Errorf("encode the message: %w", err))
	}
	o.data = data.Bytes()
	return o, nil
}

// encode sets every header field that does not follow from the message alone, so that the
// library adds no fields of its own.
func encode(message mail.Message, envelope mail.Envelope, id string, now time.Time) *gomail.Msg {
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(envelope.From)
	m.ToMailAddress(envelope.To)
	m.ReplyToMailAddress(envelope.ReplyTo...)
	m.Subject(encodeSubject(message.Subject))
	m.SetMessageIDWithValue(id)
	m.SetDateWithValue(now)
	for name, value := range message.Header() {
		m.SetGenHeader(gomail.Header(name), value)
	}
	// The last part is the one that mail programs prefer.
	if message.Text != "" {
		m.AddAlternativeString(gomail.TypeTextPlain, message.Text)
	}
	if message.HTML != "" {
		m.AddAlternativeString(gomail.TypeTextHTML, message.HTML)
	}
	return m
}

// encodeSubject encodes a subject of ASCII letters that would not arrive unchanged: a word
// is too long for a line, or a mail program would decode text that was never encoded.
// The library encodes all other subjects that need it.
func encodeSubject(subject string) string {
	const (
		maxWord = 900 // a line has 998 bytes at most
		chunk   = 45  // 60 in base64; an encoded word has at most 75
	)
	tooLong := func(word string) bool { return len(word) > maxWord }
	if !isASCII(subject) || !strings.Contains(subject, "=?") && !slices.ContainsFunc(strings.Fields(subject), tooLong) {
		return subject
	}
	var words []string
	for part := range slices.Chunk([]byte(subject), chunk) {
		words = append(words, "=?UTF-8?b?"+base64.StdEncoding.EncodeToString(part)+"?=")
	}
	return strings.Join(words, " ")
}

// internationalize rewrites the domain of a to the form that every server accepts, and
// sets utf8 for a local part that has no such form.
func (o *outgoing) internationalize(a *netmail.Address) error {
	at := strings.LastIndexByte(a.Address, '@')
	local, domain := a.Address[:at], a.Address[at+1:]
	if !isASCII(domain) {
		ascii, err := idna.Lookup.ToASCII(domain)
		if err != nil {
			return fmt.Errorf("the domain %q is not valid: %w", domain, err)
		}
		a.Address = local + "@" + ascii
	}
	o.utf8 = o.utf8 || !isASCII(local)
	return nil
}

// messageID returns the same id for the same key, and a random id without a key.
func messageID(key, from string) string {
	unique := rand.Text()
	if key != "" {
		sum := sha256.Sum256([]byte(key))
		unique = hex.EncodeToString(sum[:16])
	}
	return unique + from[strings.LastIndexByte(from, '@'):]
}

// path returns an address in the form that commands need, with angle brackets.
func path(a *netmail.Address) string {
	return (&netmail.Address{Address: a.Address}).String()
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > '~' })
}
