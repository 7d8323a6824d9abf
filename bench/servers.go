package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/seed-b636437c/automation/internal/freeport"
	"github.com/seed-b636437c/automation/jetstream/embedded"
)

// natsServer is a NATS server in a process of its own, so that its memory is not the engine's.
type natsServer struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
	url string
	dir string
}

// startServers starts one server, or a cluster, with its data in a folder.
func startServers(folder string, n int) (servers []*natsServer, err error) {
	options, err := serverOptions(folder, n)
	for i := 0; i < len(options) && err == nil; i++ {
		var s *natsServer
		if s, err = startServer(options[i]); err == nil {
			servers = append(servers, s)
		}
	}
	if err != nil {
		return nil, errors.Join(err, endServers(servers))
	}
	return servers, nil
}

// serverOptions returns the options of n servers.
func serverOptions(folder string, n int) ([]embedded.Options, error) {
	all := make([]embedded.Options, n)
	routes := make([]string, n)
	for i := range all {
		name := fmt.Sprint("nats", i)
		all[i] = embedded.Options{Name: name, Dir: filepath.Join(folder, name), Listen: "127.0.0.1:-1"}
		if n == 1 {
			continue
		}
		address, err := freeport.Address()
		if err != nil {
			return nil, err
		}
		all[i].Cluster = embedded.Cluster{Name: "bench", Listen: address, Routes: routes}
		routes[i] = "nats://" + address
	}
	return all, nil
}

// startServer starts a server, and returns when it accepts clients.
func startServer(o embedded.Options) (*natsServer, error) {
	cmd, err := child("nats", o)
	if err != nil {
		return nil, err
	}
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		return nil, err
	}
	s := &natsServer{cmd: cmd, in: in, out: bufio.NewScanner(out), dir: o.Dir}
	if !s.out.Scan() {
		return nil, errors.Join(errors.New("a NATS server has not started"), s.end())
	}
	s.url = s.out.Text()
	return s, nil
}

// memory returns the memory of the server's process.
func (s *natsServer) memory() (u usage, err error) {
	if _, err := fmt.Fprintln(s.in, "memory"); err != nil {
		return u, err
	}
	if !s.out.Scan() {
		return u, errors.Join(errors.New("a NATS server has ended"), s.out.Err())
	}
	return u, json.Unmarshal(s.out.Bytes(), &u)
}

func (s *natsServer) end() error { return errors.Join(s.in.Close(), s.cmd.Wait()) }

func endServers(servers []*natsServer) error {
	var errs []error
	for _, s := range servers {
		errs = append(errs, s.end())
	}
	return errors.Join(errs...)
}

// urls returns the addresses of the servers for a client.
func urls(servers []*natsServer) string {
	var all []string
	for _, s := range servers {
		all = append(all, s.url)
	}
	return strings.Join(all, ",")
}

// beServer runs a server until standard input ends. For each line of it, it writes the memory of
// the process.
func beServer(o embedded.Options, in io.Reader, out io.Writer) error {
	server, err := embedded.Start(o)
	if err != nil {
		return err
	}
	defer server.Close()
	if _, err := fmt.Fprintln(out, server.URL()); err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if err := json.NewEncoder(out).Encode(processMemory()); err != nil {
			return err
		}
	}
	return lines.Err()
}

// folderSize returns the bytes of all files in a folder.
func folderSize(folder string) (size int64, err error) {
	err = filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the server has removed it in the meantime
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}
