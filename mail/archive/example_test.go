package archive_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/mail/archive"
	"github.com/seed-b636437c/automation/mail/smtp"
	"github.com/seed-b636437c/automation/mail/template"
)

// An SMTP server keeps no copies, so the mailer does. A dashboard takes the same copies as
// Options.SentEmails.
func Example() {
	folder, err := os.MkdirTemp("", "emails")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	copies, err := archive.Open(folder)
	if err != nil {
		panic(err)
	}
	templates, err := template.New(template.Options{From: "Shop <shop@example.com>"})
	if err != nil {
		panic(err)
	}
	mailer, err := smtp.New("smtp.example.com", templates, smtp.Options{Archive: copies})
	if err != nil {
		panic(err)
	}
	defer mailer.Close()

	// The mailer makes this call after the server has accepted an email.
	ctx := context.Background()
	err = copies.Keep(ctx, "c49e8013@example.com", mail.Message{To: "Ada <ada@example.com>", Subject: "Welcome, Ada!"})
	if err != nil {
		panic(err)
	}
	m, err := copies.SentEmail(ctx, "c49e8013@example.com")
	fmt.Println(m.Subject, err)

	old, err := copies.Prune(ctx, time.Now().AddDate(0, 0, -90)) // once a day
	fmt.Println(old, "pruned", err)
	gone, err := copies.Erase(ctx, "ada@example.com") // after Runner.EraseContact
	fmt.Println(gone, "erased", err)
	// Output:
	// Welcome, Ada! <nil>
	// 0 pruned <nil>
	// 1 erased <nil>
}
