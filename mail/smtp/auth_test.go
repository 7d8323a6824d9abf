package smtp_test

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"hash"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	server "github.com/emersion/go-smtp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/smtp"
)

var (
	// mechanisms are servers with the user "app" and the password "s3cret".
	mechanisms = map[string]func() sasl.Server{
		"PLAIN": func() sasl.Server {
			return sasl.NewPlainServer(func(_, username, password string) error { return check(username, password) })
		},
		"LOGIN":         func() sasl.Server { return &steps{do: []step{say("Username:"), say("Password:"), loginEnd}} },
		"CRAM-MD5":      func() sasl.Server { return &steps{do: []step{say("<1@mx>"), cramEnd}} },
		"SCRAM-SHA-1":   func() sasl.Server { return scram(sha1.New) },
		"SCRAM-SHA-256": func() sasl.Server { return scram(sha256.New) },
		"XOAUTH2": func() sasl.Server {
			return &steps{do: []step{func(got []string) (string, error) {
				return "", same(got[0], "user=app\x01auth=Bearer s3cret\x01\x01")
			}}}
		},
	}
)

func check(username, password string) error {
	if username != "app" || password != "s3cret" {
		return server.ErrAuthFailed
	}
	return nil
}

func same(got, want string) error {
	if subtle.ConstantTimeCompare([]byte(got), []byte(want)) != 1 {
		return server.ErrAuthFailed
	}
	return nil
}

// step answers the client's lines so far.
type step func(got []string) (challenge string, err error)

func say(text string) step { return func([]string) (string, error) { return text, nil } }

// steps is a mechanism of several steps.
type steps struct {
	do  []step
	got []string
}

func (s *steps) Next(response []byte) ([]byte, bool, error) {
	s.got = append(s.got, string(response))
	challenge, err := s.do[0](s.got)
	s.do = s.do[1:]
	return []byte(challenge), len(s.do) == 0, err
}

func loginEnd(got []string) (string, error) { return "", check(got[1], got[2]) }

func cramEnd(got []string) (string, error) {
	mac := hmac.New(md5.New, []byte("s3cret"))
	mac.Write([]byte("<1@mx>"))
	return "", same(got[1], fmt.Sprintf("app %x", mac.Sum(nil)))
}

// scram is the server's side of RFC 5802.
func scram[H hash.Hash](newHash func() H) sasl.Server {
	const salt, rounds = "salt", 4096
	sum := func(key []byte, text string) []byte {
		mac := hmac.New(func() hash.Hash { return newHash() }, key)
		mac.Write([]byte(text))
		return mac.Sum(nil)
	}
	first := func(got []string) (string, error) {
		_, nonce, _ := strings.Cut(got[1], "r=")
		return fmt.Sprintf("r=%sserver,s=%s,i=%d", nonce, base64.StdEncoding.EncodeToString([]byte(salt)), rounds), nil
	}
	final := func(got []string) (string, error) {
		challenge, _ := first(got)
		withoutProof, proof, _ := strings.Cut(got[2], ",p=")
		salted, err := pbkdf2.Key(newHash, "s3cret", []byte(salt), rounds, newHash().Size())
		if err != nil {
			return "", err
		}
		key := sum(salted, "Client Key")
		stored := newHash()
		stored.Write(key)
		message := strings.TrimPrefix(got[1], "n,,") + "," + challenge + "," + withoutProof
		want := make([]byte, len(key))
		subtle.XORBytes(want, key, sum(stored.Sum(nil), message))
		signature := sum(sum(salted, "Server Key"), message)
		return "v=" + base64.StdEncoding.EncodeToString(signature), same(proof, base64.StdEncoding.EncodeToString(want))
	}
	return &steps{do: []step{say(""), first, final, say("")}}
}

// offering opens an inbox that requires one of these mechanisms.
func offering(t *testing.T, names ...string) *inbox {
	t.Helper()
	return openInbox(t, func(b *inbox) {
		b.mechanisms = maps.Clone(mechanisms)
		maps.DeleteFunc(b.mechanisms, func(name string, _ func() sasl.Server) bool { return !slices.Contains(names, name) })
	})
}

func TestMailer_SignsIn(t *testing.T) {
	t.Parallel()
	for name := range mechanisms {
		for how, auth := range map[string]smtp.AuthMechanism{"chosen": smtp.AuthMechanism(name), "discovered": ""} {
			if name == "XOAUTH2" && auth == "" {
				continue
			}
			t.Run(name+" "+how, func(t *testing.T) {
				t.Parallel()
				inbox := offering(t, name)
				opts := smtp.Options{TLS: smtp.NoTLS, Username: "app", Password: "s3cret", Auth: auth}
				send(t, mailerFor(t, inbox.addr, hello, opts), email("k"))
				assert.Len(t, inbox.got(), 1)

				opts.Password = "wr0ng"
				_, err := mailerFor(t, inbox.addr, hello, opts).SendEmail(t.Context(), email("k"))
				require.ErrorContains(t, err, "AUTH")
				assert.NotContains(t, err.Error(), "wr0ng")
				require.ErrorIs(t, err, automation.ErrPermanent)
				assertUnsent(t, err)
			})
		}
	}
}

func TestMailer_SignsInOverTLS(t *testing.T) {
	t.Parallel()
	serverTLS, clientTLS := certificates()
	inbox := openInbox(t, func(b *inbox) {
		b.TLSConfig, b.mechanisms, b.AllowInsecureAuth = serverTLS, mechanisms, false
	})
	opts := smtp.Options{TLSConfig: clientTLS, Username: "app", Password: "s3cret"}
	send(t, mailerFor(t, inbox.addr, hello, opts), email("k"))
	assert.Len(t, inbox.got(), 1)
}

func TestMailer_ServerWithoutTheMechanism(t *testing.T) {
	t.Parallel()
	for name, inbox := range map[string]*inbox{
		"another one": offering(t, "XOAUTH2"), "none": openInbox(t, func(b *inbox) { b.AllowInsecureAuth = false }),
	} {
		_, err := mailerFor(t, inbox.addr, hello, smtp.Options{TLS: smtp.NoTLS, Username: "app", Password: "s3cret"}).SendEmail(t.Context(), email("k"))
		require.ErrorContains(t, err, "SCRAM-SHA-256", name)
		require.NotErrorIs(t, err, automation.ErrPermanent, name)
	}
}

// 0.0.0.0 leads to this machine too, but isLocal does not include it.
func TestMailer_ShowsNoPasswordInTheClear(t *testing.T) {
	t.Parallel()
	for _, allowed := range []bool{false, true} {
		inbox := offering(t, "PLAIN", "LOGIN")
		m, err := smtp.New("0.0.0.0", rendering(hello), smtp.Options{
			Port: inbox.addr.(*net.TCPAddr).Port, TLS: smtp.OpportunisticTLS,
			Username: "app", Password: "s3cret", AllowCleartextPassword: allowed,
		})
		require.NoError(t, err)
		_, err = m.SendEmail(t.Context(), email("k"))
		require.NoError(t, m.Close())
		if allowed {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, "not encrypted")
		require.NotErrorIs(t, err, automation.ErrPermanent)
	}
}
