package automation_test

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// What ended a quarter of a year ago is of no interest any more.
func ExampleRunner_Prune() {
	ctx := context.Background()
	runner, err := automation.New(memory.New(), capture.New(), automation.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	removed, err := runner.Prune(ctx, 90*24*time.Hour)
	fmt.Println(removed.Runs, removed.Events, err)
	// Output: 0 0 <nil>
}
