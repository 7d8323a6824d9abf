package smtp_test

import (
	"context"
	"fmt"
	"net"
	netmail "net/mail"
	"os"
	"strings"

	server "github.com/emersion/go-smtp"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/mail/smtp"
	"github.com/seed-b636437c/automation/store/memory"
)

// welcome is a Renderer with one template. Package mail/template has one for many.
type welcome struct{}

func (welcome) RenderEmail(_ context.Context, email automation.Email) (mail.Message, error) {
	return mail.Message{
		From:    "Shop <shop@example.com>",
		To:      email.To,
		Subject: fmt.Sprintf("Welcome, %s!", email.Variables["NAME"]),
		Text:    "Good to have you here.\n",
	}, nil
}

// A Mailer with a password, for a Runner.
func ExampleNew() {
	var templates mail.Renderer = welcome{}
	mailer, err := smtp.New("smtp.example.com", templates, smtp.Options{
		Username: "app", Password: os.Getenv("SMTP_PASSWORD"),
	})
	if err != nil {
		panic(err)
	}
	defer mailer.Close()
	if _, err := automation.New(memory.New(), mailer, automation.Options{}); err != nil {
		panic(err)
	}
	// Output:
}

// One email to a server on this machine.
func Example() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	box := &inbox{}
	srv := server.NewServer(box)
	go func() { _ = srv.Serve(l) }()
	defer l.Close()

	mailer, err := smtp.New("127.0.0.1", welcome{}, smtp.Options{
		Port: l.Addr().(*net.TCPAddr).Port,
		TLS:  smtp.NoTLS, // a server on this machine
	})
	if err != nil {
		panic(err)
	}
	defer mailer.Close()

	// A Runner makes this call for every send_email step.
	id, err := mailer.SendEmail(context.Background(), automation.Email{
		IdempotencyKey: "run/1/welcome",
		To:             "ada@example.com",
		TemplateID:     "welcome",
		Variables:      map[string]any{"NAME": "Ada"},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println("sent as", id)

	m, err := netmail.ReadMessage(strings.NewReader(box.got()[0].data))
	if err != nil {
		panic(err)
	}
	fmt.Println(m.Header.Get("To"), "got:", m.Header.Get("Subject"))
	// Output:
	// sent as c49e8013e40d7be833a0ad8814ce6198@example.com
	// <ada@example.com> got: Welcome, Ada!
}
