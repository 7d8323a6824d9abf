package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/mail/capture"
)

// outbox is a mailer that passes its emails to the test.
type outbox struct {
	capture.Mailer
	sent chan automation.Email
}

func newOutbox() *outbox {
	o := &outbox{sent: make(chan automation.Email, 10)}
	o.Respond = func(_ context.Context, email automation.Email) error {
		o.sent <- email
		return nil
	}
	return o
}

// next returns the next email, as recipient and template.
func (o *outbox) next(t *testing.T) string {
	t.Helper()
	select {
	case e := <-o.sent:
		return e.To + " " + e.TemplateID
	case <-time.After(time.Minute):
		t.Fatal("no email in a minute")
		return ""
	}
}

// site is the running application.
type site struct {
	*outbox
	db  *database
	url string
}

func start(t *testing.T, file, postgres string) *site {
	t.Helper()
	db, err := open(t.Context(), file, postgres)
	require.NoError(t, err)
	t.Cleanup(db.close)
	listener, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	s := &site{outbox: newOutbox(), db: db, url: "http://" + listener.Addr().String() + "/signup"}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- serve(ctx, db, s.outbox, listener) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-ended)
	})
	return s
}

// post signs a user up, and returns the status and the text of the answer.
func (s *site) post(t *testing.T, email, plan string) (int, string) {
	t.Helper()
	res, err := http.PostForm(s.url, url.Values{"email": {email}, "plan": {plan}})
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(bytes.TrimSpace(body))
}

func (s *site) users(t *testing.T) (emails []string) {
	t.Helper()
	rows, err := s.db.db.QueryContext(t.Context(), "SELECT email FROM users ORDER BY email")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var email string
		require.NoError(t, rows.Scan(&email))
		emails = append(emails, email)
	}
	require.NoError(t, rows.Err())
	return emails
}

// databases are the two databases of the example.
func databases(t *testing.T, test func(t *testing.T, s *site)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, start(t, filepath.Join(t.TempDir(), "signup.db"), ""))
	})
	t.Run("Postgres", func(t *testing.T) {
		t.Parallel()
		test(t, start(t, "", pgtest.URL(t)))
	})
}

func TestSignup_SendsTheWelcome(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, s *site) {
		status, text := s.post(t, "ada@example.com", "pro")
		assert.Equal(t, http.StatusCreated, status)
		assert.Equal(t, "Welcome, ada@example.com.", text)
		assert.Equal(t, "ada@example.com hello", s.next(t))
		assert.Equal(t, "ada@example.com pro-tips", s.next(t))

		s.post(t, "grace@example.com", "free")
		assert.Equal(t, "grace@example.com hello", s.next(t))
		assert.Equal(t, []string{"ada@example.com", "grace@example.com"}, s.users(t))
	})
}

func TestSignup_NeitherUserNorEventIfEitherIsRefused(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, s *site) {
		s.post(t, "ada@example.com", "free")
		assert.Equal(t, "ada@example.com hello", s.next(t))

		status, text := s.post(t, "ada@example.com", "pro")
		assert.Equal(t, http.StatusConflict, status)
		assert.Equal(t, errTaken.Error(), text)

		status, text = s.post(t, "nobody", "pro")
		assert.Equal(t, http.StatusUnprocessableEntity, status)
		assert.Contains(t, text, "nobody")
		assert.Equal(t, []string{"ada@example.com"}, s.users(t), "the event was refused, and so there is no user")

		s.post(t, "grace@example.com", "free")
		assert.Equal(t, "grace@example.com hello", s.next(t), "nothing was sent in between")
	})
}

func TestRun_ReportsProblems(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "signup.db")
	require.Error(t, run(t.Context(), "localhost:none", file, ""))
	require.Error(t, run(t.Context(), "localhost:0", filepath.Join(t.TempDir(), "no", "folder.db"), ""))
	require.Error(t, run(t.Context(), "localhost:0", "", fmt.Sprintf("postgres:///none?host=%s", t.TempDir())))
}

func TestRun_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := run(ctx, "localhost:0", filepath.Join(t.TempDir(), "signup.db"), "")
	if err != nil {
		require.ErrorIs(t, err, context.Canceled)
	}
}
