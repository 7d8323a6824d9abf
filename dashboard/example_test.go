package dashboard_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/mail/archive"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// user is a person in the host's session.
type user struct{ Email, Role string }

// sessionOf stands for the host's own authentication.
func sessionOf(*http.Request) user { return user{"ada@acme.example", "support"} }

// The host mounts the dashboard with one line, and decides who may do what.
func ExampleNew() {
	runner, err := automation.New(memory.New(), &capture.Mailer{}, automation.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	access := func(r *http.Request) dashboard.Access {
		switch sessionOf(r).Role {
		case "admin", "marketing":
			return dashboard.AccessEdit
		case "support":
			return dashboard.AccessOperate
		case "staff":
			return dashboard.AccessView
		default:
			return dashboard.AccessNone
		}
	}
	dash, err := dashboard.New(runner, dashboard.Options{
		Access: access,
		Actor:  func(r *http.Request) string { return sessionOf(r).Email },
		Audit: func(e dashboard.AuditEntry) {
			slog.Info("dashboard", "actor", e.Actor, "action", e.Action, "target", e.Target, "error", e.Err)
		},
		Title: "Acme",
		Links: []dashboard.Link{{Text: "Back office", URL: "https://admin.acme.example"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/internal/automations/", http.StripPrefix("/internal/automations", dash))

	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequest("GET", "/internal/automations/", nil))
	fmt.Println(answer.Code, answer.Header().Get("Content-Type"))
	// Output: 200 text/html; charset=utf-8
}

// An application that shows the pages in a frame of its own names its origin.
func ExampleOptions_embedded() {
	opts := dashboard.Options{
		AuthenticatedByHost: true,
		FrameAncestors:      []string{"https://admin.acme.example"},
		Accent:              dashboard.Accent{Light: "#7a1fa2", Dark: "#d7a3f0"},
		LogoSVG:             `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7"/></svg>`,
	}
	fmt.Println(len(opts.FrameAncestors))
	// Output: 1
}

// The mailer keeps a copy of each email, and the pages show it.
func ExampleOptions_sentEmails() {
	folder, err := os.MkdirTemp("", "emails")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	copies, err := archive.Open(folder)
	if err != nil {
		fmt.Println(err)
		return
	}
	// The server of smtp.New keeps no copies: give it smtp.Options{Archive: copies}. Resend keeps
	// them, so there the mailer itself is SentEmails.
	opts := dashboard.Options{
		AuthenticatedByHost: true,
		SentEmails:          copies,
		Redact: func(field string, value any) any {
			if field == "output.template.variables.CODE" {
				return "hidden"
			}
			return value
		},
		// With a Redact, the pages show a copy only as RedactEmail leaves it.
		RedactEmail: func(m mail.Message) (mail.Message, bool) {
			return m, !strings.Contains(m.Subject, "Your code")
		},
	}
	_, shown := opts.RedactEmail(mail.Message{Subject: "Your code is 1234"})
	fmt.Println(shown)
	// Output: false
}
