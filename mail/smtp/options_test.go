package smtp_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/mail/smtp"
)

func TestNew_ReportsAllProblems(t *testing.T) {
	t.Parallel()
	password := smtp.Options{TLS: smtp.NoTLS, Username: "u", Password: "p", Auth: smtp.AuthPlain}
	tests := map[string]struct {
		host     string
		renderer mail.Renderer
		opts     smtp.Options
		paths    []string
	}{
		"nothing is given":         {"", nil, smtp.Options{}, []string{"host", "renderer"}},
		"renderer is a nil":        {"localhost", rendering(nil), smtp.Options{}, []string{"renderer"}},
		"host with a port":         {"localhost:25", rendering(hello), smtp.Options{}, []string{"host"}},
		"host of two words":        {"local host", rendering(hello), smtp.Options{}, []string{"host"}},
		"IPv6":                     {"::1", rendering(hello), smtp.Options{}, nil},
		"password in the clear":    {"mx.example.com", rendering(hello), password, []string{"Auth"}},
		"the same on this machine": {"localhost", rendering(hello), password, nil},
		"mechanism of no user":     {"localhost", rendering(hello), smtp.Options{Auth: smtp.AuthLogin}, []string{"Username"}},
		"NUL in the password":      {"localhost", rendering(hello), smtp.Options{Username: "a", Password: "\x00"}, []string{"Username"}},
		"burst without rate":       {"localhost", rendering(hello), smtp.Options{Burst: 2}, []string{"Burst"}},
		"no number":                {"localhost", rendering(hello), smtp.Options{RatePerSecond: math.NaN()}, []string{"RatePerSecond"}},
		"infinite":                 {"localhost", rendering(hello), smtp.Options{RatePerSecond: math.Inf(1)}, []string{"RatePerSecond"}},
		"unknown and negative": {"localhost", rendering(hello), smtp.Options{
			Port: 70000, TLS: "ssl", Auth: "NTLM", Username: "u", LocalName: "a b", Connections: -1, MessagesPerConnection: -1,
			Timeout: -1, IdleTimeout: -1, RatePerSecond: -1, Burst: -1,
		}, []string{"TLS", "Port", "Auth", "LocalName", "Connections", "MessagesPerConnection", "Timeout", "IdleTimeout", "RatePerSecond", "Burst"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := smtp.New(tt.host, tt.renderer, tt.opts)
			if tt.paths == nil {
				require.NoError(t, err)
				return
			}
			assert.Nil(t, m)
			var invalid *automation.ValidationError
			require.ErrorAs(t, err, &invalid)
			var paths []string
			for _, p := range invalid.Problems {
				assert.Equal(t, automation.CodeInvalidOption, p.Code)
				paths = append(paths, p.Path)
			}
			assert.Equal(t, tt.paths, paths)
		})
	}
}
