package template_test

import (
	"context"
	"errors"
	"fmt"
	"testing/fstest"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/template"
)

// A library loads a folder of templates and renders one.
func Example() {
	library, err := template.New(template.Options{From: "Shop <hello@example.com>"})
	if err != nil {
		panic(err)
	}
	// An application uses an embed.FS, or os.DirFS("emails").
	files := fstest.MapFS{
		"welcome.json": {Data: []byte(`{
			"name": "Welcome",
			"subject": "Welcome, {{{FIRST_NAME|friend}}}",
			"variables": [{"key": "PLAN", "type": "string", "fallback_value": "free"}]
		}`)},
		"welcome.html": {Data: []byte(`<p>You are on the {{PLAN}} plan. <a href="https://example.com">Start</a></p>`)},
	}
	if err := library.Load(files); err != nil {
		panic(err) // lists every problem of every file
	}
	message, err := library.RenderEmail(context.Background(), automation.Email{
		TemplateID: "welcome", To: "ada@example.com",
		Contact:   automation.Contact{Email: "ada@example.com", FirstName: "Ada"},
		Variables: map[string]any{"PLAN": "R&D"},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(message.Subject)
	fmt.Println(message.HTML)
	fmt.Println(message.Text)
	// Output:
	// Welcome, Ada
	// <p>You are on the R&amp;D plan. <a href="https://example.com">Start</a></p>
	// You are on the R&D plan. Start <https://example.com>
}

// Preview reports a missing variable without sending an email.
func ExampleLibrary_Preview() {
	library, _ := template.New(template.Options{From: "hello@example.com"})
	t, _ := library.Create(template.Template{Name: "Receipt", Subject: "Order {{ORDER}}", Text: "Total: {{TOTAL}}"})

	_, err := library.Preview(t.ID, template.Sample{Variables: map[string]any{"TOTAL": "4.00"}})
	var invalid *automation.ValidationError
	if errors.As(err, &invalid) {
		fmt.Println(invalid.Problems)
	}
	message, _ := library.Preview(t.ID, template.Sample{Variables: map[string]any{"TOTAL": "4.00", "ORDER": 17}})
	fmt.Println(message.Subject, "–", message.Text)
	// Output:
	// error missing_field: variables.ORDER: has no value and no fallback
	//
	// Order 17 – Total: 4.00
}

// Parse reads the JSON of a template strictly, and reports all problems together.
func ExampleParse() {
	_, err := template.Parse([]byte(`{
		"name": "Welcome",
		"subjcet": "Hello",
		"html": ["<p>Hello</p>"],
		"variables": [{"key": "PLAN", "type": "string", "fallback": "free"}]
	}`))
	var invalid *automation.ValidationError
	if errors.As(err, &invalid) {
		for _, p := range invalid.Problems {
			fmt.Println(p.Code, "at", p.Path)
		}
	}
	// Output:
	// wrong_type at html
	// unknown_field at subjcet
	// unknown_field at variables[0].fallback
}
