// Package freeport finds addresses of this machine for servers that are started by address.
package freeport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// The ports below those that systems give to outgoing connections. A port that is free now stays
// free until its server listens, and while the server is down: no connection of another process
// takes it. Nor does a client that dials it again and again connect to itself, as Linux lets it once
// the port that it dials is the one that it gets.
const (
	first = 20000
	last  = 32767
)

var (
	mu    sync.Mutex
	given = map[int]bool{}
)

// Address returns an address on which no server listens, and which it has not returned before.
func Address() (string, error) {
	mu.Lock()
	defer mu.Unlock()
	var err error
	for range 100 {
		port := first + rand.IntN(last-first+1)
		if given[port] {
			continue
		}
		address := fmt.Sprintf("127.0.0.1:%d", port)
		var l net.Listener
		if l, err = net.Listen("tcp", address); err != nil {
			continue
		}
		given[port] = true
		return address, l.Close()
	}
	return "", errors.Join(errors.New("freeport: found no free port"), err)
}
