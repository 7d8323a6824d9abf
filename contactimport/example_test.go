package contactimport_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/contactimport"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

const exported = `E-mail;First name;Seats
ada@example.com;Ada;5
bob@example.com;Bob;many
`

func ExampleRun() {
	ctx := context.Background()
	runner, err := automation.New(memory.New(), capture.New(), automation.Options{})
	if err != nil {
		log.Fatal(err)
	}
	report, err := contactimport.Run(ctx, runner, strings.NewReader(exported), contactimport.Options{
		Columns: contactimport.Columns{
			Email:      "E-mail",
			FirstName:  "First name",
			Properties: map[string]contactimport.Property{"seats": {Column: "Seats", Type: contactimport.TypeNumber}},
		},
		Segments: []string{"customers"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Created, "created")
	for _, e := range report.Errors {
		fmt.Println(e)
	}
	// Output:
	// 1 created
	// line 3: properties.seats: "many" is not a number: write digits, and a point before decimals
}
