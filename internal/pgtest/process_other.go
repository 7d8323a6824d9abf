//go:build !unix

package pgtest

import (
	"errors"
	"os/exec"
)

var errNotUnix = errors.New("a throw-away PostgreSQL server needs a Unix system: set " + Env +
	"=postgres://user:password@host:5432/postgres to a server on which the user may create databases")

type folder struct{ path string }

func newFolder() (*folder, error) { return nil, errNotUnix }

func (*folder) remove() error { return nil }

func (*folder) command(name string, args ...string) *exec.Cmd { return exec.Command(name, args...) }

func (*folder) supervise(string, ...string) (*process, error) { return nil, errNotUnix }

type process struct {
	logPath string
	ended   chan struct{}
	err     error
}

func (*process) stop(string) error { return errNotUnix }
