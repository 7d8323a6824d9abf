package upgrade

import (
	"bufio"
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// process is a process of an older release, which runs testdata/older/cmd/older.
type process struct {
	*testing.T
	cmd      *exec.Cmd
	commands io.WriteCloser

	mu      sync.Mutex
	lines   []string      // that the process has printed
	printed chan struct{} // is closed when there is another line, or the last one
	ended   bool
}

// patience bounds the wait for what a process prints.
const patience = time.Minute

// start starts a process on a database. It ends with the test.
func start(t *testing.T, binary string, db database) *process {
	t.Helper()
	p := &process{T: t, cmd: exec.Command(binary, db.kind, db.address), printed: make(chan struct{})}
	var err error
	p.commands, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	p.cmd.Stderr = p.cmd.Stdout
	require.NoError(t, p.cmd.Start())
	read := make(chan struct{})
	go func() {
		defer close(read)
		p.read(out)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-read
		_ = p.cmd.Wait()
		if t.Failed() {
			t.Logf("the last lines of the older process:\n%s", strings.Join(p.lines[max(0, len(p.lines)-30):], "\n"))
		}
	})
	return p
}

// read reads lines until the process has ended.
func (p *process) read(out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		p.note(func() { p.lines = append(p.lines, lines.Text()) })
	}
	p.note(func() { p.ended = true })
}

func (p *process) note(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.printed)
	p.printed = make(chan struct{})
}

// mark returns how many lines the process has printed.
func (p *process) mark() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.lines)
}

// since returns the lines after a mark that begin with a prefix, and what is closed when there are
// more. That is nil if the process has ended.
func (p *process) since(mark int, prefix string) (found []string, more <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.lines[mark:] {
		if strings.HasPrefix(line, prefix) {
			found = append(found, line)
		}
	}
	if !p.ended {
		more = p.printed
	}
	return found, more
}

// await waits for n lines after a mark that begin with a prefix, and returns the last of them.
func (p *process) await(mark, n int, prefix string) string {
	p.Helper()
	late := time.After(patience)
	for {
		found, more := p.since(mark, prefix)
		if len(found) >= n {
			return found[n-1]
		}
		require.NotNil(p, more, "the older process has ended without %d lines %q", n, prefix)
		select {
		case <-more:
		case <-late:
			require.Fail(p, "the older process is late", "it has printed %d of %d lines %q", len(found), n, prefix)
		}
	}
}

// ask gives a command to the process, and returns its answer.
func (p *process) ask(command string) string {
	p.Helper()
	mark := p.mark()
	_, err := io.WriteString(p.commands, command+"\n")
	require.NoError(p, err)
	return strings.TrimPrefix(p.await(mark, 1, "answer "), "answer ")
}

// do gives commands to the process, which must succeed.
func (p *process) do(commands ...string) {
	p.Helper()
	for _, command := range commands {
		require.Equal(p, "ok", p.ask(command), command)
	}
}

// claimsInVain waits until a claim that began after now has failed.
func (p *process) claimsInVain() {
	p.Helper()
	// The first claim to end may have begun before.
	require.Contains(p, p.await(p.mark(), 2, "claim "), "claim failed", "the older process goes on")
}
