// Package e2e tests the API of package httpapi with the clients that Resend publishes,
// unchanged: here the client for Go, in the folder node the clients for Node.js and for the
// command line. It is a module of its own, so that the clients are no dependency of the
// library.
//
//	go test ./...
//	node/run.sh
package e2e
