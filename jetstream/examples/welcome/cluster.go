package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/seed-b636437c/automation/internal/freeport"
	"github.com/seed-b636437c/automation/jetstream/embedded"
)

// cluster are the nodes, and their processes.
type cluster struct {
	nodes     []node
	processes []*exec.Cmd
	emails    *tally
}

// newCluster returns a cluster with its files in a folder. It does not run yet.
func newCluster(n int, dir string, emails *tally) (*cluster, error) {
	c := &cluster{processes: make([]*exec.Cmd, n), emails: emails}
	var routes []string
	for i := range n {
		name := fmt.Sprint("node", i+1)
		clients, err := freeport.Address()
		if err != nil {
			return nil, err
		}
		others, err := freeport.Address()
		if err != nil {
			return nil, err
		}
		routes = append(routes, "nats://"+others)
		c.nodes = append(c.nodes, node{
			Server:  embedded.Options{Dir: filepath.Join(dir, name), Name: name, Listen: clients, Cluster: embedded.Cluster{Name: "welcome", Listen: others}},
			Catalog: filepath.Join(dir, "catalog.db"), Replicas: n,
		})
	}
	for i := range c.nodes {
		if c.nodes[i].Server.Cluster.Routes = routes; n == 1 {
			c.nodes[i].Server.Cluster = embedded.Cluster{}
		}
	}
	return c, nil
}

// start starts a node in a process of its own, and counts its emails.
func (c *cluster) start(i int) error {
	config, err := json.Marshal(c.nodes[i])
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), nodeVariable+"="+string(config))
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil { // ends with this process
		return err
	}
	keys, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	c.processes[i] = cmd
	go func() {
		for lines := bufio.NewScanner(keys); lines.Scan(); {
			c.emails.add(i, lines.Text())
		}
	}()
	return nil
}

// kill ends a node as a crash does.
func (c *cluster) kill(i int) {
	if p := c.processes[i]; p != nil {
		_ = p.Process.Kill()
		_ = p.Wait()
	}
	c.processes[i] = nil
}

// stop kills all nodes.
func (c *cluster) stop() {
	for i := range c.processes {
		c.kill(i)
	}
}

// urls are the addresses of all servers for clients.
func (c *cluster) urls() string {
	var all []string
	for _, n := range c.nodes {
		all = append(all, "nats://"+n.Server.Listen)
	}
	return strings.Join(all, ",")
}
