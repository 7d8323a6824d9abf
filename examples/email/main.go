// Command email sends a welcome series as real emails over SMTP: to a server that it starts
// itself, whose emails it prints, or to your server. A week takes a moment.
//
//	go run ./examples/email              # to its own server
//	go run ./examples/email -out mails   # also keep the messages, to open in a mail program
//
// With MAIL_TO and SMTP_HOST, or RESEND_API_KEY, the emails go to a real mailbox.
// README.md has the other variables.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	out := flag.String("out", "", "`folder` to keep the received messages in")
	wait := flag.Bool("wait", false, "serve the unsubscribe page until interrupted")
	flag.Parse()
	if err := run(ctx, options{out: *out, wait: *wait, env: os.Getenv}, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "email:", err)
		os.Exit(1)
	}
}

// options are the options of the command line and of the environment.
type options struct {
	out  string
	wait bool
	env  func(name string) string
}

// run plays the series.
func run(ctx context.Context, opts options, stdout io.Writer) error {
	page, err := startPage(opts.env("PAGE_URL"))
	if err != nil {
		return err
	}
	defer page.stop()
	post, err := openPost(opts, page.links, stdout)
	if err != nil {
		return err
	}
	defer post.close()
	app, err := newApp(ctx, post.mailer)
	if err != nil {
		return err
	}
	if err := page.serve(app.runner); err != nil {
		return err
	}
	if err := play(ctx, app, post, page, stdout); err != nil {
		return err
	}
	if opts.wait {
		fmt.Fprintln(stdout, "The unsubscribe page is up. Interrupt to end.")
		<-ctx.Done()
	}
	return nil
}
