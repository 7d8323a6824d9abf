package unsubscribe_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/unsubscribe"
)

// key returns a key that is different for every seed.
func key(seed byte) []byte { return bytes.Repeat([]byte{seed}, 32) }

func newLinks(t testing.TB, opts unsubscribe.LinkOptions, keys ...[]byte) *unsubscribe.Links {
	t.Helper()
	links, err := unsubscribe.NewLinks("https://example.com/unsubscribe", opts, keys...)
	require.NoError(t, err)
	return links
}

func linkTo(t testing.TB, links *unsubscribe.Links, id string) string {
	t.Helper()
	link, err := links.URL(automation.Contact{ID: id, Email: "ada@example.com"})
	require.NoError(t, err)
	return link
}

// problems returns "path: message" of each problem.
func problems(t *testing.T, err error) []string {
	t.Helper()
	var invalid *automation.ValidationError
	require.ErrorAs(t, err, &invalid)
	var all []string
	for _, p := range invalid.Problems {
		assert.Equal(t, automation.CodeInvalidOption, p.Code)
		all = append(all, p.String())
	}
	return all
}

func TestURL_FitsIntoAnEmail(t *testing.T) {
	t.Parallel()
	links := newLinks(t, unsubscribe.LinkOptions{}, key(1))
	for _, id := range []string{"01978a3c-5d3a-7cc4-b6c0-3a1f4c2e9d10", "7", "ada@example.com", "ü/?&=#%+ <>,", strings.Repeat("c", 255)} {
		link := linkTo(t, links, id)
		m := mail.Message{From: "a@example.com", To: "b@example.com", Text: "Hi", UnsubscribeURL: link}
		_, err := m.Check()
		require.NoError(t, err, link)
		assert.Equal(t, link, linkTo(t, links, id), "a contact has one link")
		assert.Less(t, len(link), 450)
	}
}

func TestURL_DoesNotShowTheAddress(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(linkTo(t, newLinks(t, unsubscribe.LinkOptions{}, key(1)), "contact-1"))
	require.NoError(t, err)
	token, err := base64.RawURLEncoding.DecodeString(u.Query().Get("t"))
	require.NoError(t, err)
	assert.Contains(t, string(token), "contact-1")
	assert.NotContains(t, string(token), "example")
}

func TestURL_KeepsTheParametersOfItsBase(t *testing.T) {
	t.Parallel()
	links, err := unsubscribe.NewLinks("http://127.0.0.1:8080/mail?page=unsubscribe", unsubscribe.LinkOptions{}, key(1))
	require.NoError(t, err)
	assert.Contains(t, linkTo(t, links, "contact-1"), "http://127.0.0.1:8080/mail?page=unsubscribe&t=")
}

func TestURL_RefusesContactsWithoutUsableID(t *testing.T) {
	t.Parallel()
	links := newLinks(t, unsubscribe.LinkOptions{}, key(1))
	for _, id := range []string{"", strings.Repeat("c", 256)} {
		_, err := links.URL(automation.Contact{ID: id, Email: "ada@example.com"})
		require.ErrorIs(t, err, automation.ErrPermanent)
		assert.NotContains(t, err.Error(), "ada")
	}
}

func TestNewLinks_KeepsItsOwnKeys(t *testing.T) {
	t.Parallel()
	k := key(1)
	links := newLinks(t, unsubscribe.LinkOptions{}, k)
	before := linkTo(t, links, "contact-1")
	clear(k)
	assert.Equal(t, before, linkTo(t, links, "contact-1"))
}

func TestNewLinks_ListsAllProblems(t *testing.T) {
	t.Parallel()
	_, err := unsubscribe.NewLinks("/unsubscribe", unsubscribe.LinkOptions{Lifetime: -time.Second}, []byte("secret"), key(1), nil, key(1)[1:])
	assert.Equal(t, []string{
		"base: is not a web address: give one such as https://example.com/unsubscribe",
		"keys[0]: has 6 bytes: give at least 32 random ones",
		"keys[2]: has 0 bytes: give at least 32 random ones",
		"keys[3]: has 31 bytes: give at least 32 random ones",
		"Lifetime: -1s must be whole seconds, or zero for links that always work",
	}, problems(t, err))
	assert.NotContains(t, err.Error(), "secret")

	_, err = unsubscribe.NewLinks("https://example.com", unsubscribe.LinkOptions{Lifetime: time.Millisecond})
	assert.Equal(t, []string{
		"keys: are missing: give at least one",
		"Lifetime: 1ms must be whole seconds, or zero for links that always work",
	}, problems(t, err))
}

func TestNewLinks_RefusesBasesThatMakeNoLink(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"":                               "is not a web address",
		"example.com/unsubscribe":        "is not a web address",
		"mailto:ada@example.com":         "is not a web address",
		"https:///unsubscribe":           "is not a web address",
		"https://example.com/\r\nBcc:":   "is not a web address",
		"https://example.com/#a":         "must not have a fragment",
		"https://example.com/#":          "must not have a fragment",
		"https://u:p@example.com/":       "must not contain a password",
		"https://example.com/a,b":        "must not contain spaces, commas",
		"https://example.com/a b":        "must not contain spaces, commas",
		"https://example.com/<a>":        "must not contain spaces, commas",
		"https://example.com//u":         "must not have two slashes",
		"https://example.com/?t=1":       "must not have the parameter",
		"https://müller.example/u":       "must be ASCII",
		"https://example.com/abmelden/ü": "must be ASCII",
		"https://example.com/\"a":        "must not contain spaces, commas",
	} {
		_, err := unsubscribe.NewLinks(base, unsubscribe.LinkOptions{}, key(1))
		require.ErrorIs(t, err, automation.ErrInvalid, base)
		found := problems(t, err)
		require.Len(t, found, 1)
		assert.Contains(t, found[0], "base: "+want, base)
	}
}

func TestNewLinks_SaysThatItFailed(t *testing.T) {
	t.Parallel()
	links, err := unsubscribe.NewLinks("", unsubscribe.LinkOptions{})
	require.Error(t, err)
	assert.Nil(t, links)
	assert.False(t, errors.Is(err, automation.ErrPermanent))
}
