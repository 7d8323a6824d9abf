package health_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/health"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// The probes of a process that is about to call Runner.Run.
func Example() {
	runner, err := automation.New(memory.New(), capture.New(), automation.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ready, err := health.New(runner, health.Options{NeedsRun: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/readyz", ready)
	mux.HandleFunc("/livez", health.Live)

	for _, path := range []string{"/livez", "/readyz"} {
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, httptest.NewRequest("GET", path, nil))
		fmt.Println(path, answer.Code)
	}
	// Output:
	// /livez 200
	// /readyz 503
}
