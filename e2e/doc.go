// Package e2e drives the API of package httpapi with the clients that Resend
// publishes, as they are: here the one for Go, in the folder node those for
// Node.js and for the command line. It is a module of its own, so that nobody who
// uses the library carries them.
//
//	go test ./...
//	node/run.sh
package e2e
