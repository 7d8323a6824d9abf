// Package scenario holds the tests of the Runner.
package scenario
