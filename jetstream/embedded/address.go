package embedded

import (
	"net"
	"strconv"

	"github.com/seed-b636437c/automation"
)

// hostPort splits an address, or adds a problem.
func hostPort(ps *automation.Problems, path, address string) (host string, port int) {
	host, text, err := net.SplitHostPort(address)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil {
		ps.Add(automation.CodeInvalidOption, path, "%q is no address like 127.0.0.1:4222: %v", address, err)
	}
	return host, port
}
