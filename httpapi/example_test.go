package httpapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/httpapi"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// A backend sends an event through the API, which the host serves under /api.
func Example() {
	runner, err := automation.New(memory.New(), capture.New(), automation.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	api, err := httpapi.New(runner, httpapi.Options{
		Keys: []httpapi.Key{{Name: "backend", Hash: httpapi.HashKey("re_secret"), Permission: httpapi.PermissionSending}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/api/", http.StripPrefix("/api", api))
	server := httptest.NewServer(mux)
	defer server.Close()

	body := strings.NewReader(`{"event": "user.created", "email": "ada@example.com", "payload": {"plan": "pro"}}`)
	request, err := http.NewRequest("POST", server.URL+"/api/events/send", body)
	if err != nil {
		fmt.Println(err)
		return
	}
	request.Header.Set("Authorization", "Bearer re_secret")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	fmt.Print(response.Status, " ", string(text), err)
	// Output:
	// 202 Accepted {"object":"event","event":"user.created"}
	// <nil>
}

// A body with mistakes gets one answer with all of them, and changes nothing.
func ExampleHandler() {
	runner, err := automation.New(memory.New(), capture.New(), automation.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	api, err := httpapi.New(runner, httpapi.Options{AuthenticatedByHost: true, Contacts: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	w := httptest.NewRecorder()
	api.ServeHTTP(w, httptest.NewRequest("POST", "/contacts", strings.NewReader(
		`{"email": "ada@example.com", "first_nmae": "Ada", "unsubscribed": "no"}`)))
	var answer struct{ Message string }
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(w.Code)
	fmt.Println(strings.ReplaceAll(answer.Message, "; ", "\n"))
	// Output:
	// 422
	// 2 problems: first_nmae: there is no such field: the fields here are email, first_name, last_name, unsubscribed, properties, segments
	// unsubscribed: must be a boolean, not a string
}
