package unsubscribe

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	newKey = bytes.Repeat([]byte{1}, 32)
	oldKey = bytes.Repeat([]byte{2}, 32)
)

func TestToken_ReturnsItsClaim(t *testing.T) {
	t.Parallel()
	for _, want := range []claim{
		{contactID: "c"},
		{contactID: strings.Repeat("\x00\xff", 127) + "ü"[:1], expires: 1<<62 + 1},
		{contactID: "grüße 👋", expires: 1},
	} {
		got, err := openToken(want.token(oldKey), [][]byte{newKey, oldKey})
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func TestToken_OfAUUIDIsShort(t *testing.T) {
	t.Parallel()
	token := claim{contactID: "01978a3c-5d3a-7cc4-b6c0-3a1f4c2e9d10"}.token(newKey)
	assert.Len(t, token, 72)
}

func TestToken_RefusesEveryChange(t *testing.T) {
	t.Parallel()
	keys := [][]byte{newKey}
	token := claim{contactID: "contact-1", expires: 2_000_000_000}.token(newKey)
	_, err := openToken(token, keys)
	require.NoError(t, err)
	for i := range len(token) {
		for _, c := range []byte("AaZ09-_=+/. \n%\x00\xff") {
			if token[i] == c {
				continue
			}
			changed := token[:i] + string([]byte{c}) + token[i+1:]
			_, err := openToken(changed, keys)
			require.ErrorIs(t, err, errDamaged, changed)
		}
		_, err := openToken(token[:i], keys)
		require.ErrorIs(t, err, errDamaged, "truncated")
		_, err = openToken(token[:i]+"\n"+token[i:], keys)
		require.ErrorIs(t, err, errDamaged, "folded")
		_, err = openToken(token[:i]+token, keys)
		require.Equal(t, i > 0, err != nil, "repeated")
	}
}

func TestToken_RefusesEveryChangedByte(t *testing.T) {
	t.Parallel()
	data, err := encoding.DecodeString(claim{contactID: "contact-1"}.token(newKey))
	require.NoError(t, err)
	for i := range data {
		for bit := range 8 {
			changed := bytes.Clone(data)
			changed[i] ^= 1 << bit
			_, err := openToken(encoding.EncodeToString(changed), [][]byte{newKey})
			require.ErrorIs(t, err, errDamaged)
		}
	}
}

// A valid signature is not enough: the signed bytes must be a claim.
func TestToken_RefusesSignedNonsense(t *testing.T) {
	t.Parallel()
	for name, signed := range map[string]string{
		"nothing":             "",
		"later version":       "\x02\x00contact-1",
		"no expiry":           "\x01",
		"endless expiry":      "\x01" + strings.Repeat("\xff", 11),
		"no contact":          "\x01\x00",
		"contact id too long": "\x01\x00" + strings.Repeat("c", 256),
	} {
		token := encoding.EncodeToString(append([]byte(signed), signature(newKey, []byte(signed))...))
		_, err := openToken(token, [][]byte{newKey})
		require.ErrorIs(t, err, errDamaged, name)
	}
}

// Links in emails that are years old must work.
func TestToken_StaysReadable(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]claim{
		"AQBjb250YWN0LTGSEtBHp58Dn9yh9HneB6kH":       {contactID: "contact-1"},
		"AYCo1rkHY29udGFjdC0xK6pvQZh7dfl8fBwewn_EJQ": {contactID: "contact-1", expires: 2_000_000_000},
	} {
		got, err := openToken(token, [][]byte{newKey})
		require.NoError(t, err, want.token(newKey))
		assert.Equal(t, want, got)
	}
}

// A signature with the same key for another purpose is not a link.
func TestToken_IsForOnePurpose(t *testing.T) {
	t.Parallel()
	signed := "\x01\x00contact-1"
	mac := hmac.New(sha256.New, newKey)
	mac.Write([]byte(signed))
	_, err := openToken(encoding.EncodeToString(mac.Sum([]byte(signed))[:len(signed)+macBytes]), [][]byte{newKey})
	require.ErrorIs(t, err, errDamaged)
}

// Only the exact text of a token is accepted.
func FuzzOpenToken(f *testing.F) {
	keys := [][]byte{newKey, oldKey}
	f.Add(claim{contactID: "contact-1"}.token(newKey))
	f.Add(claim{contactID: "c", expires: 2_000_000_000}.token(oldKey))
	f.Add("")
	f.Add("AQA")
	f.Add(strings.Repeat("A", 600))
	f.Fuzz(func(t *testing.T, token string) {
		c, err := openToken(token, keys)
		if err != nil {
			require.ErrorIs(t, err, errDamaged)
			require.Zero(t, c)
			return
		}
		require.Contains(t, []string{c.token(newKey), c.token(oldKey)}, token)
	})
}

// A claim is the same after signing and reading.
func FuzzReadClaim(f *testing.F) {
	f.Add([]byte("\x01\x00contact-1"))
	f.Add([]byte("\x01\x80\x80\x01c"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, signed []byte) {
		c, err := readClaim(signed)
		if err != nil {
			require.ErrorIs(t, err, errDamaged)
			return
		}
		again, err := openToken(c.token(newKey), [][]byte{newKey})
		require.NoError(t, err)
		require.Equal(t, c, again)
	})
}
