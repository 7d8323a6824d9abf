package unsubscribe_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	gosmtp "github.com/emersion/go-smtp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/smtp"
	"github.com/seed-b636437c/automation/mail/template"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/unsubscribe"
)

// inbox is an SMTP server that keeps its messages.
type inbox struct {
	mu       sync.Mutex
	messages []*netmail.Message
}

func startInbox(t *testing.T) (*inbox, *net.TCPAddr) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	in := &inbox{}
	server := gosmtp.NewServer(in)
	server.Domain = "localhost"
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		<-served
	})
	return in, listener.Addr().(*net.TCPAddr)
}

func (in *inbox) NewSession(*gosmtp.Conn) (gosmtp.Session, error) { return delivery{in}, nil }

type delivery struct{ *inbox }

func (delivery) Mail(string, *gosmtp.MailOptions) error { return nil }
func (delivery) Rcpt(string, *gosmtp.RcptOptions) error { return nil }
func (delivery) Reset()                                 {}
func (delivery) Logout() error                          { return nil }

func (d delivery) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.messages = append(d.messages, m)
	return nil
}

var twoMails = automation.Automation{
	ID: "news", Name: "News", Status: automation.StatusEnabled,
	Steps: []automation.Step{
		{Key: "start", Config: automation.Trigger{EventName: "user.created"}},
		{Key: "first", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "news"}}},
		{Key: "pause", Config: automation.Delay{Duration: automation.MustParseDuration("1 day")}},
		{Key: "second", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "news"}}},
	},
	Connections: []automation.Connection{{From: "start", To: "first"}, {From: "first", To: "pause"}, {From: "pause", To: "second"}},
}

// All parts are real except for the clock: an event starts a run, its email goes through an
// SMTP server, the header has the link, one click on the link unsubscribes the contact, and
// the next email is skipped.
func TestFlow_OneClickSkipsTheNextEmail(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	page := httptest.NewUnstartedServer(nil)
	page.StartTLS()
	t.Cleanup(page.Close)
	links, err := unsubscribe.NewLinks(page.URL+"/unsubscribe", unsubscribe.LinkOptions{}, bytes.Repeat([]byte("k"), 32))
	require.NoError(t, err)
	library, err := template.New(template.Options{From: "Acorn <hello@example.com>", UnsubscribeURL: links.URL})
	require.NoError(t, err)
	_, err = library.Create(template.Template{
		ID: "news", Name: "News", Status: template.StatusPublished,
		Subject: "News for {{{EMAIL}}}", HTML: `<p>News! <a href="{{{UNSUBSCRIBE_URL}}}">Unsubscribe</a></p>`,
	})
	require.NoError(t, err)
	in, addr := startInbox(t)
	mailer, err := smtp.New(addr.IP.String(), library, smtp.Options{Port: addr.Port, TLS: smtp.NoTLS})
	require.NoError(t, err)
	t.Cleanup(func() { mailer.Close() })
	mock := clock.NewMock()
	runner, err := automation.New(memory.New(), mailer, automation.Options{Clock: mock})
	require.NoError(t, err)
	handler, err := unsubscribe.NewHandler(links, runner, unsubscribe.Options{})
	require.NoError(t, err)
	page.Config.Handler = handler
	_, err = runner.Apply(ctx, twoMails)
	require.NoError(t, err)

	_, err = runner.Send(ctx, automation.Event{Name: "user.created", Email: "ada@example.com"})
	require.NoError(t, err)
	_, err = runner.Drain(ctx)
	require.NoError(t, err)
	require.Len(t, in.messages, 1)
	header := in.messages[0].Header
	assert.Equal(t, "List-Unsubscribe=One-Click", header.Get("List-Unsubscribe-Post"))
	link := strings.Trim(header.Get("List-Unsubscribe"), "<>")

	res, err := page.Client().Post(link, "application/x-www-form-urlencoded", strings.NewReader("List-Unsubscribe=One-Click"))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusOK, res.StatusCode)
	mock.Add(24 * time.Hour)
	_, err = runner.Drain(ctx)
	require.NoError(t, err)

	assert.Len(t, in.messages, 1, "nothing more was sent")
	runs, err := runner.ListRuns(ctx, automation.RunQuery{})
	require.NoError(t, err)
	require.Len(t, runs.Data, 1)
	run, err := runner.GetRun(ctx, runs.Data[0].ID)
	require.NoError(t, err)
	assert.Equal(t, automation.RunCompleted, run.Status)
	second := run.Steps[3]
	assert.Equal(t, automation.StepSkipped, second.Status)
	assert.JSONEq(t, `{"reason":"unsubscribed"}`, string(second.Output))
}
