package smtp_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/mail"
)

// Mailpit reads a message as a careful mail program does. The test runs if Mailpit is
// installed, or if MAILPIT names its binary.
func TestMailpit_ReadsTheMessage(t *testing.T) {
	t.Parallel()
	smtpAddr, api := startMailpit(t)
	m := mailerFor(t, smtpAddr, always(mail.Message{
		From: "Käthe's Shop <shop@example.com>", To: "Zoë <zoe@bücher.example>", ReplyTo: "help@example.com",
		Subject: "Grüße 世界", Text: "Hällo: https://example.com/a\n",
		HTML:           "<html><body><p>Hällo <a href=\"https://example.com/a\">there</a></p></body></html>",
		UnsubscribeURL: "https://example.com/unsubscribe?t=1",
	}), noTLS)
	id := send(t, m, email("run/1/a"))

	var list struct {
		Messages []struct{ ID, MessageID string }
	}
	get(t, api+"/api/v1/messages", &list)
	require.Len(t, list.Messages, 1)
	assert.Equal(t, id, list.Messages[0].MessageID)

	var got struct {
		From, ReturnPath, Subject, Text, HTML any
		To, ReplyTo                           []struct{ Name, Address string }
		ListUnsubscribe                       struct {
			Links              []string
			Errors, HeaderPost string
		}
	}
	get(t, api+"/api/v1/message/"+list.Messages[0].ID, &got)
	assert.Equal(t, map[string]any{"Name": "Käthe's Shop", "Address": "shop@example.com"}, got.From)
	assert.Equal(t, "Zoë", got.To[0].Name)
	assert.Equal(t, "zoe@xn--bcher-kva.example", got.To[0].Address)
	assert.Equal(t, "help@example.com", got.ReplyTo[0].Address)
	assert.Equal(t, "Grüße 世界", got.Subject)
	assert.Equal(t, "Hällo: https://example.com/a\r\n", got.Text)
	assert.Contains(t, got.HTML, "Hällo <a")
	assert.Equal(t, []string{"https://example.com/unsubscribe?t=1"}, got.ListUnsubscribe.Links)
	assert.Equal(t, "List-Unsubscribe=One-Click", got.ListUnsubscribe.HeaderPost)
	assert.Empty(t, got.ListUnsubscribe.Errors)
}

// startMailpit returns the address of its SMTP server, and the root of its API.
func startMailpit(t *testing.T) (net.Addr, string) {
	t.Helper()
	binary := os.Getenv("MAILPIT")
	if binary == "" {
		var err error
		if binary, err = exec.LookPath("mailpit"); err != nil {
			t.Skip("mailpit is not installed, and MAILPIT does not name it")
		}
	}
	// Mailpit cannot choose its ports. Another process may take these two meanwhile.
	a, b := listen(t), listen(t)
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
	cmd := exec.Command(binary, "--smtp", a.Addr().String(), "--listen", b.Addr().String(), "--disable-version-check",
		"--database", t.TempDir()+"/mailpit.db", "--quiet")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	api := fmt.Sprintf("http://%s", b.Addr())
	require.Eventually(t, func() bool {
		response, err := http.Get(api + "/readyz")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	}, 20*time.Second, 20*time.Millisecond)
	return a.Addr(), api
}

func get(t *testing.T, url string, into any) {
	t.Helper()
	response, err := http.Get(url)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.NoError(t, json.NewDecoder(response.Body).Decode(into))
}
