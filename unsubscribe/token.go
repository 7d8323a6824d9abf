package unsubscribe

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
)

const (
	tokenVersion = 1
	// macBytes of the signature go into a token: half of it is as hard to forge as
	// anybody can need, and links stay short.
	macBytes   = 16
	maxIDBytes = 255
	// maxTokenChars is more than the longest token has.
	maxTokenChars = 512
	// purpose keeps a key that signs other things as well from making links.
	purpose = "automation unsubscribe link\x00"
)

var (
	errDamaged = errors.New("unsubscribe link: damaged or forged")
	errExpired = errors.New("unsubscribe link: expired")
)

var encoding = base64.RawURLEncoding

// claim is what a token says: a version byte, the expiry as a varint, the id, and
// the signature of all of these.
type claim struct {
	contactID string
	expires   int64 // in seconds since 1970; zero is never
}

// token returns the claim, signed with key.
func (c claim) token(key []byte) string {
	signed := binary.AppendUvarint([]byte{tokenVersion}, uint64(c.expires))
	signed = append(signed, c.contactID...)
	return encoding.EncodeToString(append(signed, signature(key, signed)...))
}

func signature(key, signed []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(purpose))
	mac.Write(signed)
	return mac.Sum(nil)[:macBytes]
}

// openToken returns what a token says if one of the keys has signed it. Otherwise
// the error is errDamaged.
func openToken(token string, keys [][]byte) (claim, error) {
	if len(token) > maxTokenChars {
		return claim{}, errDamaged
	}
	data, err := encoding.DecodeString(token)
	// The decoder skips line breaks and left-over bits: only our spelling is accepted.
	if err != nil || len(data) < macBytes || encoding.EncodeToString(data) != token {
		return claim{}, errDamaged
	}
	signed, mac := data[:len(data)-macBytes], data[len(data)-macBytes:]
	if !signedByAny(keys, signed, mac) {
		return claim{}, errDamaged
	}
	return readClaim(signed)
}

// signedByAny tries all keys, so that its time says nothing about which one fits.
func signedByAny(keys [][]byte, signed, mac []byte) bool {
	found := false
	for _, key := range keys {
		if hmac.Equal(signature(key, signed), mac) {
			found = true
		}
	}
	return found
}

// readClaim reads what was signed. A signature of ours can be of a later version.
func readClaim(signed []byte) (claim, error) {
	if len(signed) == 0 || signed[0] != tokenVersion {
		return claim{}, errDamaged
	}
	expires, n := binary.Uvarint(signed[1:])
	if n <= 0 {
		return claim{}, errDamaged
	}
	id := signed[1+n:]
	if len(id) == 0 || len(id) > maxIDBytes {
		return claim{}, errDamaged
	}
	return claim{contactID: string(id), expires: int64(expires)}, nil
}
