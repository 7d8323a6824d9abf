//go:build unix

package pgtest

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// folderPrefix is the prefix of the names of the temporary folders of servers.
const folderPrefix = "automation-pg-"

// maxSocketFolder is the length of the longest folder that can have a socket: the path of a
// socket has at most 104 or 108 bytes, depending on the system.
const maxSocketFolder = 80

// folder is the folder with the data and the socket of a server. It is locked while the
// process that made it lives.
type folder struct {
	path    string
	lock    *os.File
	account *syscall.Credential // the account of the server; nil: the account of this process
}

// newFolder makes a folder, and removes the folders of dead processes.
func newFolder() (*folder, error) {
	account, err := unprivileged()
	if err != nil {
		return nil, err
	}
	parent := os.TempDir()
	if len(parent) > maxSocketFolder-len(folderPrefix)-10 {
		parent = "/tmp"
	}
	sweep(parent)
	path, err := os.MkdirTemp(parent, folderPrefix)
	if err != nil {
		return nil, err
	}
	f := &folder{path: path, account: account}
	if f.lock, err = lock(path); err == nil && account != nil {
		err = os.Chown(path, int(account.Uid), int(account.Gid))
	}
	if err != nil {
		return nil, errors.Join(err, f.remove())
	}
	return f, nil
}

func (f *folder) remove() error {
	err := os.RemoveAll(f.path)
	if f.lock != nil {
		err = errors.Join(err, f.lock.Close())
	}
	return err
}

// sweep removes the folders of processes that were killed together with their supervisors:
// these folders are not locked. A young folder may not be locked yet.
func sweep(parent string) {
	folders, _ := filepath.Glob(filepath.Join(parent, folderPrefix+"*")) // a bad pattern matches nothing
	for _, path := range folders {
		info, err := os.Stat(path)
		if err != nil || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		if held, err := lock(path); err == nil {
			_ = os.RemoveAll(path) // fails for a folder of another user
			_ = held.Close()
		}
	}
}

// lock locks a folder until the file is closed, or the process ends.
func lock(path string) (*os.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), file.Close())
	}
	return file, nil
}

// unprivileged returns an account for a server, which must not run as root. It returns nil if
// this process does not run as root either.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(errUID, errGID); err != nil {
			return nil, fmt.Errorf("account %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("a PostgreSQL server does not run as root, and there is no account postgres and no account nobody")
}

// command returns a command that runs in the folder, as its owner, in a session of its own,
// so that an interrupt from the terminal reaches only the tests. The command has an empty
// environment, because PGDATA and similar variables may be set in that of the tests.
func (f *folder) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = f.path
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: f.account}
	return cmd
}

//go:embed supervise.sh
var supervisor string

// process is a server under its supervisor.
type process struct {
	signals io.WriteCloser // the standard input of the supervisor
	logPath string
	ended   chan struct{}
	err     error // of the ended process
}

// supervise starts a server that ends together with this process.
func (f *folder) supervise(name string, args ...string) (*process, error) {
	p := &process{logPath: filepath.Join(f.path, "log"), ended: make(chan struct{})}
	log, err := os.OpenFile(p.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := f.command("/bin/sh", append([]string{"-c", supervisor, "supervise", f.path, name}, args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	if p.signals, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// stop sends a signal to the server and waits until the server has ended.
func (p *process) stop(signal string) error {
	if _, err := io.WriteString(p.signals, signal+"\n"); err != nil && !errors.Is(err, fs.ErrClosed) && !errors.Is(err, syscall.EPIPE) {
		return err
	}
	select {
	case <-p.ended:
		return nil
	case <-time.After(timeout):
		return fmt.Errorf("the server does not stop\n%s", p.log())
	}
}
