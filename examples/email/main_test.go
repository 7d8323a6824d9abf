package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// environment returns variables in place of os.Getenv.
type environment map[string]string

func (e environment) get(name string) string { return e[name] }

// links differ from run to run, in the port and in the signature.
var links = regexp.MustCompile(`127\.0\.0\.1:\d+/unsubscribe\?t=[\w-]+`)

func TestRun_ShowsTheWeek(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "mails")
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), options{out: folder, env: environment{}.get}, &out))
	got := links.ReplaceAll(out.Bytes(), []byte("LINK"))
	golden := filepath.Join("testdata", "week.txt")
	if *update {
		require.NoError(t, os.WriteFile(golden, got, 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))

	kept, err := os.Open(filepath.Join(folder, "4.eml"))
	require.NoError(t, err)
	defer kept.Close()
	m, err := mail.ReadMessage(kept)
	require.NoError(t, err)
	assert.Equal(t, "Five minutes to finish your setup", m.Header.Get("Subject"))
}

// box is an SMTP server outside the program.
type box struct{ to []string }

func (b *box) NewSession(*smtp.Conn) (smtp.Session, error) { return delivery{b}, nil }

type delivery struct{ *box }

func (delivery) Mail(string, *smtp.MailOptions) error { return nil }
func (delivery) Reset()                               {}
func (delivery) Logout() error                        { return nil }

func (d delivery) Rcpt(to string, _ *smtp.RcptOptions) error {
	d.to = append(d.to, to)
	d.box.to = d.to
	return nil
}

func (delivery) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

func TestRun_SendsThroughTheServerOfTheEnvironment(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	b := &box{}
	server := smtp.NewServer(b)
	server.Domain = "localhost"
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	host, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)

	var out bytes.Buffer
	require.NoError(t, run(t.Context(), options{env: environment{
		"SMTP_HOST": host, "SMTP_PORT": port, "SMTP_TLS": "none", "MAIL_TO": "me@example.org",
	}.get}, &out))
	require.NoError(t, server.Close())
	<-served
	assert.Equal(t, []string{"me@example.org", "me+ben@example.org", "me+ben@example.org", "me@example.org"}, b.to)
	assert.NotContains(t, out.String(), "  | ", "what goes elsewhere is not shown")
}

func TestRun_SendsThroughResend(t *testing.T) {
	t.Parallel()
	type request struct {
		path, key, to string
	}
	got := make(chan request, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ To []string }
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&body))
		got <- request{r.Method + " " + r.URL.Path, r.Header.Get("Authorization"), strings.Join(body.To, ",")}
		fmt.Fprint(w, `{"id":"1"}`)
	}))
	t.Cleanup(server.Close)
	require.NoError(t, run(t.Context(), options{env: environment{
		"RESEND_API_KEY": "re_1", "RESEND_BASE_URL": server.URL, "MAIL_TO": "me@example.org",
	}.get}, io.Discard))
	close(got)
	for _, to := range []string{"me@example.org", "me+ben@example.org", "me+ben@example.org", "me@example.org"} {
		assert.Equal(t, request{"POST /emails", "Bearer re_1", to}, <-got)
	}
	assert.Empty(t, got)
}

func TestRun_RefusesToSendWithoutARecipient(t *testing.T) {
	t.Parallel()
	for _, env := range []environment{{"SMTP_HOST": "smtp.example.com"}, {"RESEND_API_KEY": "re_1"}} {
		err := run(t.Context(), options{env: env.get}, io.Discard)
		assert.ErrorContains(t, err, "set MAIL_TO")
	}
	err := run(t.Context(), options{env: environment{"SMTP_HOST": "h", "SMTP_PORT": "x", "MAIL_TO": "me@example.org"}.get}, io.Discard)
	assert.ErrorContains(t, err, "SMTP_PORT")
}
