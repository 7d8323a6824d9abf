package main

import (
	"crypto/subtle"
	"log/slog"
	"net/http"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
)

// dashboardPath is where the dashboard is.
const dashboardPath = "/dashboard/"

// newDashboard returns the dashboard, and a function that stops the jobs that people started
// on it. At an address that other machines can reach, the browser asks for a password: the
// API key.
func newDashboard(runner *automation.Runner, mailer *printer, key string, logger *slog.Logger) (http.Handler, func(), error) {
	pages, err := dashboard.New(runner, dashboard.Options{
		AuthenticatedByHost: true, Title: "Acme", Templates: mailer.templates, SentEmails: mailer.copies, Logger: logger,
	})
	if err != nil {
		return nil, nil, err
	}
	handler := http.StripPrefix(strings.TrimSuffix(dashboardPath, "/"), pages)
	if key == devKey {
		return handler, pages.Close, nil
	}
	return withPassword(handler, key), pages.Close, nil
}

// withPassword lets only those in who give the password.
func withPassword(next http.Handler, password string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, given, _ := r.BasicAuth()
		if subtle.ConstantTimeCompare([]byte(given), []byte(password)) != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="automation"`)
			http.Error(w, "The password is the API key of the server.", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}
