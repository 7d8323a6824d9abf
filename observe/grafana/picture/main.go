// Command picture draws the dashboard. It lets two processes' worth of Runners work on one
// database for some minutes, scrapes their metrics over HTTP, answers the queries of
// automation.json with the query engine of Prometheus, and writes a page with the answers.
// It is no screenshot of Grafana, which it does not need.
//
//	go run ./picture -for 10m -out /tmp/picture.html
//	chromium --headless --no-sandbox --hide-scrollbars --window-size=1560,2210 \
//		--screenshot=automation.png /tmp/picture.html
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/seed-b636437c/automation/observe/grafana"
)

func main() {
	duration := flag.Duration("for", 10*time.Minute, "how long the Runners work")
	every := flag.Duration("every", 2*time.Second, "how often their metrics are scraped")
	out := flag.String("out", "picture.html", "the file to write")
	flag.Parse()
	if err := run(context.Background(), *duration, *every, *out); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, duration, every time.Duration, out string) error {
	d, err := grafana.Load()
	if err != nil {
		return err
	}
	h, began := grafana.NewHistory(), time.Now()
	if err := play(ctx, h, duration, every); err != nil {
		return err
	}
	p := page{
		dashboard: d, history: h, from: began, to: time.Now(), step: every,
		note: fmt.Sprintf("Not a screenshot of Grafana: observe/grafana/picture drew the queries of automation.json, answered by the query engine "+
			"of Prometheus, over two Runners on SQLite that were scraped every %g seconds for %g minutes. The mailer was down for a while, and both Runners were stopped later.",
			every.Seconds(), duration.Minutes()),
	}
	text, err := p.html(ctx)
	if err != nil {
		return err
	}
	return os.WriteFile(out, []byte(text), 0o600)
}
