package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/time/rate"

	"github.com/seed-b636437c/automation/internal/options"
)

// Permission limits what a key may do. The names are Resend's.
type Permission string

// The permissions. An empty Permission means PermissionFull.
const (
	// PermissionFull allows every call.
	PermissionFull Permission = "full_access"
	// PermissionSending allows POST /events/send and nothing else.
	PermissionSending Permission = "sending_access"
)

// Key is an API key. The Handler holds only a hash of its secret.
type Key struct {
	// Name identifies the key in the log of failed requests, and as the author of the
	// versions of automations that are made with it. It is required.
	Name string
	// Hash is what HashKey returns for the secret.
	Hash string
	// Permission is what the key may do.
	Permission Permission
}

// HashKey returns the SHA-256 of a key's secret in hexadecimal. Such a hash is safe to
// store for a secret of 128 random bits or more. It does not protect a password that can
// be guessed.
func HashKey(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// caller is the holder of a key, or every client that the host authenticates.
type caller struct {
	name       string
	hash       []byte
	permission Permission
	limiter    *rate.Limiter // nil: no limit
}

// unknownCaller is the caller of a request whose key is not checked yet.
var unknownCaller = &caller{}

func (c *caller) may(op operation) bool {
	return c.permission != PermissionSending || op.sending
}

// keyring finds the caller of a request.
type keyring struct {
	callers []*caller
	host    *caller // set if the host authenticates
}

// newKeyring returns the callers of opts, and reports invalid keys to c.
func newKeyring(c *options.Check, opts Options) keyring {
	if opts.AuthenticatedByHost {
		if len(opts.Keys) > 0 {
			c.Add("AuthenticatedByHost", "cannot be used together with Keys: the Handler would ignore them")
		}
		return keyring{host: &caller{name: "host", limiter: newLimiter(opts.Rate)}}
	}
	if len(opts.Keys) == 0 {
		c.Add("Keys", "are required: give at least one, or set AuthenticatedByHost")
	}
	var ring keyring
	seen := map[string]bool{}
	for i, key := range opts.Keys {
		path := fmt.Sprintf("Keys[%d]", i)
		key.check(c, path)
		hash := key.hash()
		if hash != nil && seen[string(hash)] {
			c.Add(path+".Hash", "belongs to another key too")
		}
		seen[string(hash)] = true
		ring.callers = append(ring.callers, &caller{
			name: key.Name, hash: hash, permission: key.Permission, limiter: newLimiter(opts.Rate),
		})
	}
	return ring
}

// check reports what is wrong with the key at path, such as Keys[1].
func (k Key) check(c *options.Check, path string) {
	if k.Name == "" {
		c.Add(path+".Name", "is required")
	}
	if k.hash() == nil {
		c.Add(path+".Hash", "is not a SHA-256 in hexadecimal: use HashKey")
	}
	switch k.Permission {
	case "", PermissionFull, PermissionSending:
	default:
		c.Add(path+".Permission", "%q is unknown: use %q or %q", k.Permission, PermissionFull, PermissionSending)
	}
}

// hash returns the bytes of k.Hash, or nil if k.Hash is not a hash.
func (k Key) hash() []byte {
	hash, err := hex.DecodeString(k.Hash)
	if err != nil || len(hash) != sha256.Size {
		return nil
	}
	return hash
}

// caller returns the caller whose key the request carries.
func (k keyring) caller(r *http.Request) (*caller, error) {
	if k.host != nil {
		return k.host, nil
	}
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	secret = strings.TrimSpace(secret)
	if !strings.EqualFold(scheme, "Bearer") || secret == "" {
		return nil, errMissingKey
	}
	// Every key is compared, each in constant time, so that the duration of the search
	// reveals nothing about the keys.
	hash := sha256.Sum256([]byte(secret))
	var found *caller
	for _, c := range k.callers {
		if subtle.ConstantTimeCompare(c.hash, hash[:]) == 1 {
			found = c
		}
	}
	if found == nil {
		return nil, errInvalidKey
	}
	return found, nil
}
