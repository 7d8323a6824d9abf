// Package browser tests the dashboard in a real Chromium, in the process of the Runner, so
// that tests move its clock. Run it with make e2e-browser.
package browser
