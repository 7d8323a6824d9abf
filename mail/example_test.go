package mail_test

import (
	"errors"
	"fmt"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
)

// A transport calls Check before it sends a message, whichever renderer made it.
func ExampleMessage_Check() {
	m := mail.Message{
		From: "Shop <hello@example.com>", To: "Ada <ada@example.com>",
		Subject: "Hello\r\nBcc: everyone@example.com", Text: "Hello!",
	}
	_, err := m.Check()
	var invalid *automation.ValidationError
	if errors.As(err, &invalid) {
		fmt.Print(invalid.Problems)
	}

	m.Subject = "Hello"
	envelope, err := m.Check()
	fmt.Println(envelope.To.Name, envelope.To.Address, err)
	// Output:
	// error unsafe_header: subject: must not contain line breaks
	// Ada ada@example.com <nil>
}
