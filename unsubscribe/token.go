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
	// macBytes is how much of the signature is in a token. Half a signature of 128 bits
	// cannot be forged either, and keeps links short.
	macBytes   = 16
	maxIDBytes = 255
	// maxTokenChars is longer than the longest token.
	maxTokenChars = 512
	// purpose is signed with every token, so that a signature that the application makes
	// with the same key for another purpose is not a link.
	purpose = "automation unsubscribe link\x00"
)

var (
	errDamaged = errors.New("unsubscribe link: damaged or forged")
	errExpired = errors.New("unsubscribe link: expired")
)

var encoding = base64.RawURLEncoding

// claim is the content of a token. A token is a version byte, the expiry as a varint, the
// id, and the signature of these three.
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

// openToken returns the claim of a token that is signed with one of the keys. For any other
// token the error is errDamaged.
func openToken(token string, keys [][]byte) (claim, error) {
	if len(token) > maxTokenChars {
		return claim{}, errDamaged
	}
	data, err := encoding.DecodeString(token)
	// The decoder accepts line breaks and surplus bits. A token must be the one that
	// token returns.
	if err != nil || len(data) < macBytes || encoding.EncodeToString(data) != token {
		return claim{}, errDamaged
	}
	signed, mac := data[:len(data)-macBytes], data[len(data)-macBytes:]
	if !signedByAny(keys, signed, mac) {
		return claim{}, errDamaged
	}
	return readClaim(signed)
}

// signedByAny tries all keys, so that its duration does not reveal which key fits.
func signedByAny(keys [][]byte, signed, mac []byte) bool {
	found := false
	for _, key := range keys {
		if hmac.Equal(signature(key, signed), mac) {
			found = true
		}
	}
	return found
}

// readClaim reads the signed part of a token. A token with a valid signature can have a
// later version.
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
