package unsubscribe_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/unsubscribe"
)

// A link, the page behind it, and one click in a mail program.
func Example() {
	runner, err := automation.New(memory.New(), capture.New(), automation.Options{})
	check(err)
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()

	key := []byte("32 random bytes that you keep secret")
	links, err := unsubscribe.NewLinks(server.URL+"/unsubscribe", unsubscribe.LinkOptions{}, key)
	check(err)
	handler, err := unsubscribe.NewHandler(links, runner, unsubscribe.Options{Title: "Acme emails"})
	check(err)
	mux.Handle("/unsubscribe", handler)

	ctx := context.Background()
	ada, err := runner.CreateContact(ctx, automation.Contact{Email: "ada@example.com"})
	check(err)
	link, err := links.URL(ada)
	check(err)

	// A mail program sends this request after one click.
	resp, err := http.PostForm(link, url.Values{"List-Unsubscribe": {"One-Click"}})
	check(err)
	_, err = io.Copy(io.Discard, resp.Body)
	check(err)
	check(resp.Body.Close())
	fmt.Println(resp.Status)

	ada, err = runner.GetContact(ctx, automation.ContactRef{Email: "ada@example.com"})
	check(err)
	fmt.Println("unsubscribed:", ada.Unsubscribed)
	// Output:
	// 200 OK
	// unsubscribed: true
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
