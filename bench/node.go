package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
)

// node is a process that works on the cell's store beside the cell itself.
type node struct {
	cmd  *exec.Cmd
	stop io.Closer // its standard input
	out  *bufio.Reader
}

// startNodes starts the further processes of the cell.
func (b *bench) startNodes() error {
	for range b.cell.Nodes - 1 {
		n, err := startNode(b.cell)
		if err != nil {
			return fmt.Errorf("starting a node: %w", err)
		}
		b.nodes = append(b.nodes, n)
	}
	return nil
}

// startNode starts a node and returns when the node runs.
func startNode(c cell) (*node, error) {
	cmd, err := child("node", c)
	if err != nil {
		return nil, err
	}
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		return nil, err
	}
	n := &node{cmd: cmd, stop: in, out: bufio.NewReader(out)}
	if _, err := n.out.ReadString('\n'); err != nil {
		return nil, errors.Join(err, in.Close(), cmd.Wait())
	}
	return n, nil
}

// collect stops the nodes and adds their emails to the sink.
func (b *bench) collect() error {
	var errs []error
	for _, n := range b.nodes {
		sent, err := n.end()
		b.sink.add(sent)
		errs = append(errs, err)
	}
	b.nodes = nil
	return errors.Join(errs...)
}

// end stops the node and returns the emails that it sent, in order.
func (n *node) end() (sent []arrival, err error) {
	if err := n.stop.Close(); err != nil {
		return nil, err
	}
	err = json.NewDecoder(n.out).Decode(&sent)
	return sent, errors.Join(err, n.cmd.Wait())
}

// beNode runs a node until standard input ends and as many emails were sent as the cell awaits, and
// then writes which emails the node sent.
func beNode(ctx context.Context, c cell, in io.Reader, out io.Writer) error {
	cont, err := find(c.Engine, c.Store)
	if err != nil {
		return err
	}
	s := setting{Work: c.Works[0], Postgres: c.Postgres, File: c.file(), Sink: newSink()}
	e, err := cont.Open(ctx, s)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, "ready"); err != nil {
		return errors.Join(err, e.Close())
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return errors.Join(err, e.Close())
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	if err := errors.Join(s.Sink.wait(ctx, c.Await), e.Close()); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(s.Sink.arrivals())
}
