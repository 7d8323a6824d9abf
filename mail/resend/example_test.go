package resend_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/resend"
)

// A Mailer for templates at Resend.
func Example() {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Method, r.URL.Path, r.Header.Get("Idempotency-Key"))
		fmt.Fprint(w, `{"id":"49a3999c-0ce1-4ea6-ab68-afcd6dc2e794"}`)
	}))
	defer api.Close()

	// Without BaseURL the Mailer sends through Resend itself.
	mailer, err := resend.New("re_123456789", resend.Options{BaseURL: api.URL})
	if err != nil {
		panic(err)
	}

	// A Runner makes this call for a send_email step.
	id, err := mailer.SendEmail(context.Background(), automation.Email{
		IdempotencyKey: "run/01978a3c/welcome", To: "ada@example.com",
		TemplateID: "welcome", Variables: map[string]any{"PLAN": "pro"},
	})
	fmt.Println(id, err)
	// Output:
	// POST /emails run/01978a3c/welcome
	// 49a3999c-0ce1-4ea6-ab68-afcd6dc2e794 <nil>
}
