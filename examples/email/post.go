package main

import (
	"cmp"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strconv"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/resend"
	"github.com/seed-b636437c/automation/mail/smtp"
	"github.com/seed-b636437c/automation/mail/template"
	"github.com/seed-b636437c/automation/unsubscribe"
)

//go:embed templates
var templates embed.FS

// post is the way in which emails are sent.
type post struct {
	mailer automation.Mailer
	to     string // the recipient of all emails; empty for invented recipients
	close  func()
}

// openPost chooses the destination of emails by the environment: Resend, an SMTP server, or
// a catcher.
func openPost(opts options, links *unsubscribe.Links, stdout io.Writer) (*post, error) {
	library, err := template.New(template.Options{
		From:           cmp.Or(opts.env("MAIL_FROM"), "Acorn <hello@acorn.example>"),
		UnsubscribeURL: links.URL,
	})
	if err != nil {
		return nil, err
	}
	files, err := fs.Sub(templates, "templates")
	if err != nil {
		return nil, err
	}
	if err := library.Load(files); err != nil {
		return nil, err
	}
	key, host, to := opts.env("RESEND_API_KEY"), opts.env("SMTP_HOST"), opts.env("MAIL_TO")
	if (key != "" || host != "") && to == "" {
		return nil, fmt.Errorf("set MAIL_TO to the address of the recipient")
	}
	switch {
	case key != "":
		return overResend(key, opts.env, library, to)
	case host != "":
		return overSMTP(host, opts.env, library, to)
	default:
		return toCatcher(library, opts.out, stdout)
	}
}

func overResend(key string, env func(string) string, library *template.Library, to string) (*post, error) {
	mailer, err := resend.New(key, resend.Options{Renderer: library, BaseURL: env("RESEND_BASE_URL")})
	if err != nil {
		return nil, err
	}
	return &post{mailer: mailer, to: to, close: func() {}}, nil
}

func overSMTP(host string, env func(string) string, library *template.Library, to string) (*post, error) {
	options := smtp.Options{
		TLS: smtp.TLSMode(env("SMTP_TLS")), Username: env("SMTP_USERNAME"), Password: env("SMTP_PASSWORD"),
	}
	if text := env("SMTP_PORT"); text != "" {
		port, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("SMTP_PORT is %q: give a number", text)
		}
		options.Port = port
	}
	mailer, err := smtp.New(host, library, options)
	if err != nil {
		return nil, err
	}
	return &post{mailer: mailer, to: to, close: func() { mailer.Close() }}, nil
}

// toCatcher sends to a catcher on this machine, which prints the emails.
func toCatcher(library *template.Library, folder string, stdout io.Writer) (*post, error) {
	c, err := startCatcher(stdout, folder)
	if err != nil {
		return nil, err
	}
	addr := c.listener.Addr().(*net.TCPAddr)
	mailer, err := smtp.New(addr.IP.String(), library, smtp.Options{Port: addr.Port, TLS: smtp.NoTLS})
	if err != nil {
		c.stop()
		return nil, err
	}
	return &post{mailer: mailer, close: func() {
		mailer.Close()
		c.stop()
	}}, nil
}
