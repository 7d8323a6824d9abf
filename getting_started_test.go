package automation_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

// A newcomer writes the files of docs/getting-started.md and runs its commands, in order.
func TestGettingStarted_WorksToTheLetter(t *testing.T) {
	t.Parallel()
	n := &newcomer{t: t, folder: t.TempDir(), inbox: startInbox(t)}
	commands := 0
	for _, b := range blocks(read(t, "docs/getting-started.md")) {
		switch b.language {
		case "sh":
			for command := range strings.Lines(b.text) {
				n.execute(bare(strings.Split(command, " #")[0]))
				commands++
			}
		case "text":
			assert.Equal(t, b.text, n.printed, "what the program prints")
		default:
			n.write(b.file, b.text)
		}
	}
	assert.Equal(t, 8, commands)

	again := n.command([]string{"SMTP_HOST=localhost"}, "./acorn", "ada@example.com")
	var exit *exec.ExitError
	require.ErrorAs(t, again.Run(), &exit)
	assert.Contains(t, again.Stderr.(*bytes.Buffer).String(), "UNIQUE constraint failed: users.email")
	assert.Equal(t, []string{"reminder to ada@example.com", "reminder to grace@example.com"}, n.threeDaysLater(), "one run each")
}

// block is a fenced block of a page. Its file is the one that the text before it named
// last.
type block struct{ language, file, text string }

var fileName = regexp.MustCompile("`([\\w/]+\\.\\w+)`")

func blocks(page string) (all []block) {
	parts := strings.Split(page, "```")
	for i := 1; i < len(parts); i += 2 {
		var b block
		b.language, b.text, _ = strings.Cut(parts[i], "\n")
		for _, found := range fileName.FindAllStringSubmatch(parts[i-1], -1) {
			b.file = found[1]
		}
		all = append(all, b)
	}
	return all
}

// newcomer follows a page in an empty folder.
type newcomer struct {
	t       *testing.T
	folder  string
	inbox   *inbox
	printed string // by the program that ran last
}

func (n *newcomer) write(file, text string) {
	n.t.Helper()
	require.NotEmpty(n.t, file, "the page names no file for:\n%s", text)
	path := filepath.Join(n.folder, file)
	require.NoError(n.t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(n.t, os.WriteFile(path, []byte(text), 0o600))
}

// execute runs one line of a shell.
func (n *newcomer) execute(command string) {
	n.t.Helper()
	words := strings.Fields(command)
	env := 0
	for strings.Contains(words[env], "=") {
		env++
	}
	switch line := strings.Join(words[env:], " "); {
	case strings.HasPrefix(line, "mkdir "):
		// the folder is there
	case strings.HasPrefix(line, "go run . "):
		n.succeed("go", "build", "-o", "acorn", ".")
		n.printed = n.runUntilAnEmail(words[:env], words[len(words)-1])
	case strings.HasPrefix(line, "go mod init "):
		n.succeed(words...)
		n.useThisModule()
	default:
		n.succeed(words...)
	}
}

func (n *newcomer) succeed(words ...string) {
	n.t.Helper()
	c := n.command(nil, words...)
	assert.NoError(n.t, c.Run(), "%s\n%s", c, c.Stderr)
}

// useThisModule stands for a release of the library.
func (n *newcomer) useThisModule() {
	n.t.Helper()
	here, err := os.Getwd()
	require.NoError(n.t, err)
	n.succeed("go", "mod", "edit", "-replace=github.com/seed-b636437c/automation="+here)
	n.write("go.sum", read(n.t, "go.sum"))
}

func (n *newcomer) command(env []string, words ...string) *exec.Cmd {
	c := exec.CommandContext(n.t.Context(), words[0], words[1:]...)
	c.Dir, c.Stderr = n.folder, new(bytes.Buffer)
	c.Env = append(os.Environ(), append(env, "GOWORK=off", "GOFLAGS=-mod=mod")...)
	return c
}

// runUntilAnEmail runs the program until it printed or sent an email to the user, and then
// interrupts it. It returns what the program printed.
func (n *newcomer) runUntilAnEmail(env []string, user string) string {
	n.t.Helper()
	for i := range env {
		env[i] = strings.Replace(env[i], "SMTP_PORT=1025", "SMTP_PORT="+n.inbox.port, 1)
	}
	c := n.command(env, "./acorn", user)
	out, err := c.StdoutPipe()
	require.NoError(n.t, err)
	require.NoError(n.t, c.Start())
	var printed string
	if len(env) == 0 {
		printed, err = bufio.NewReader(out).ReadString('\n')
		require.NoError(n.t, err, "%s", c.Stderr)
	} else {
		m := <-n.inbox.messages
		assert.Equal(n.t, "Welcome to Acorn", m.Header.Get("Subject"))
		assert.Equal(n.t, "<"+user+">", m.Header.Get("To"))
	}
	require.NoError(n.t, c.Process.Signal(os.Interrupt))
	rest, err := io.ReadAll(out)
	require.NoError(n.t, err)
	assert.NoError(n.t, c.Wait(), "%s", c.Stderr)
	return printed + string(rest)
}

// threeDaysLater opens the file of the program, and returns the emails that are sent three
// days later.
func (n *newcomer) threeDaysLater() (sent []string) {
	n.t.Helper()
	store, err := sqlitefile.Open(n.t.Context(), filepath.Join(n.folder, "acorn.db"))
	require.NoError(n.t, err)
	defer store.Close()
	mailer := capture.New()
	runner, err := automation.New(store, mailer, automation.Options{Clock: later{3 * 24 * time.Hour}})
	require.NoError(n.t, err)
	_, err = runner.Drain(n.t.Context())
	require.NoError(n.t, err)
	for _, e := range mailer.Emails() {
		sent = append(sent, e.TemplateID+" to "+e.To)
	}
	return sent
}

// later is the system clock, some time later.
type later struct{ by time.Duration }

func (l later) Now() time.Time                         { return time.Now().Add(l.by) }
func (l later) After(d time.Duration) <-chan time.Time { return time.After(d) }

// inbox is an SMTP server that accepts everything.
type inbox struct {
	port     string
	messages chan *mail.Message
}

func startInbox(t *testing.T) *inbox {
	t.Helper()
	listener, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	i := &inbox{port: port, messages: make(chan *mail.Message, 10)}
	server := smtp.NewServer(i)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		<-served
	})
	return i
}

func (i *inbox) NewSession(*smtp.Conn) (smtp.Session, error) { return i, nil }
func (i *inbox) Mail(string, *smtp.MailOptions) error        { return nil }
func (i *inbox) Rcpt(string, *smtp.RcptOptions) error        { return nil }
func (i *inbox) Reset()                                      {}
func (i *inbox) Logout() error                               { return nil }

func (i *inbox) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := mail.ReadMessage(bytes.NewReader(text))
	if err == nil {
		i.messages <- m
	}
	return err
}
