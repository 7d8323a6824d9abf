package command

import (
	"errors"
	"flag"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/nearest"
)

// databaseVariable is the environment variable with the URL of the database. A password
// in an argument would be in the process list.
const databaseVariable = "AUTOMATION_DATABASE"

// flags returns the flags of the command, which write to c.
func (c *call) flags() *flag.FlagSet {
	f := flag.NewFlagSet(c.cmd.name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	f.BoolVar(&c.json, "json", false, "print JSON instead of text")
	if !c.cmd.offline {
		f.StringVar(&c.target.URL, "database", "", "`URL` of the database: postgres://…, sqlite:FILE or a file; default $"+databaseVariable)
		f.StringVar(&c.target.Schema, "schema", "", "`name` of the schema in Postgres; default automation")
		f.BoolVar(&c.local, "local", false, "read and print times in the time zone of this machine; default UTC")
	}
	if c.cmd.define != nil {
		c.cmd.define(f)
	}
	return f
}

// parse reads the command line. Flags may come before and after the other arguments.
func (c *call) parse(args []string) error {
	f := c.flags()
	for len(args) > 0 {
		if err := f.Parse(args); err != nil {
			return mistake(f, err)
		}
		rest := f.Args()
		if n := len(args) - len(rest); n > 0 && args[n-1] == "--" {
			c.args = append(c.args, rest...)
			break
		}
		if len(rest) == 0 {
			break
		}
		c.args, args = append(c.args, rest[0]), rest[1:]
	}
	if c.target.URL == "" && c.Getenv != nil {
		c.target.URL = c.Getenv(databaseVariable)
	}
	return nil
}

// mistake turns an error of package flag into a usageError. Package flag writes flags with
// one dash, which it accepts too.
func mistake(f *flag.FlagSet, err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	if name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
		hint := "automation help " + f.Name() + " lists the flags"
		if near := nearest.Match(name, flagNames(f)); near != "" {
			hint = "do you mean --" + near + "?"
		}
		return usagef("there is no flag --%s: %s", name, hint)
	}
	return usagef("%s", strings.NewReplacer(" for flag -", " for --", ": -", ": --").Replace(err.Error()))
}

func flagNames(f *flag.FlagSet) (names []string) {
	f.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	return names
}

// noArguments refuses arguments.
func (c *call) noArguments() error {
	if len(c.args) > 0 {
		return usagef("takes no argument %q; automation help %s has the flags", c.args[0], c.cmd.name)
	}
	return nil
}

// oneArgument returns the only argument, whose name is for the error.
func (c *call) oneArgument(name string) (string, error) {
	if len(c.args) != 1 {
		return "", usagef("takes one %s, and got %d arguments", name, len(c.args))
	}
	return c.args[0], nil
}

// page holds the flags about the part of a list to show.
type page struct {
	limit int
	after string
}

func (p *page) define(f *flag.FlagSet) {
	f.IntVar(&p.limit, "limit", 20, "show at most `N`, newest first")
	f.StringVar(&p.after, "after", "", "show those older than the one with this `ID`")
}

// maxPage is how many items the Runner returns at once.
const maxPage = 100

// collect reads as many pages as p needs. next reads one page, id returns the cursor of an
// item, and keep, if not nil, reports whether the item is wanted.
func collect[T any](p page, next func(automation.PageQuery) (automation.Page[T], error), id func(T) string, keep func(T) bool) (automation.Page[T], error) {
	var all automation.Page[T]
	if p.limit < 1 {
		return all, usagef("--limit %d must be at least 1", p.limit)
	}
	q := automation.PageQuery{After: p.after, Limit: maxPage}
	for {
		if keep == nil {
			q.Limit = min(p.limit-len(all.Data), maxPage)
		}
		page, err := next(q)
		if err != nil {
			return all, err
		}
		for i, item := range page.Data {
			q.After = id(item)
			if keep == nil || keep(item) {
				all.Data = append(all.Data, item)
			}
			if len(all.Data) == p.limit {
				all.HasMore = page.HasMore || i < len(page.Data)-1
				return all, nil
			}
		}
		if !page.HasMore {
			return all, nil
		}
	}
}

// zone is the time zone of the times that are read and printed.
func (c *call) zone() *time.Location {
	if c.local {
		return c.Location
	}
	return time.UTC
}

// timeLayouts are the forms in which an argument may be a time.
var timeLayouts = []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", time.DateOnly}

// moment reads the time of a flag: a time, or how long ago it was. Empty is the zero time.
func (c *call) moment(flagName, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range timeLayouts {
		if at, err := time.ParseInLocation(layout, text, c.zone()); err == nil {
			return at, nil
		}
	}
	d, err := span(text)
	if err != nil {
		return time.Time{}, usagef("--%s %q is neither a time, such as 2026-03-02 or 2026-03-02T09:00:00Z, nor how long ago it was, such as 90m, 36h or 7d", flagName, text)
	}
	return c.Clock.Now().Add(-d), nil
}

// span reads a length of time, such as 36h, 7d or "2 weeks".
func span(text string) (time.Duration, error) {
	for suffix, unit := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if digits, ok := strings.CutSuffix(text, suffix); ok {
			if n, err := strconv.Atoi(digits); err == nil && 0 < n && n < 100_000 {
				return time.Duration(n) * unit, nil
			}
		}
	}
	d, err := automation.ParseDuration(text)
	return d.Std(), err
}

// list splits the value of a flag at commas.
func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// runFilter holds the flags that select runs.
type runFilter struct {
	automation, contact, event, eventID, step, since, until, endedSince, endedUntil, code string
	version                                                                               int
}

// defineEnded adds the flags about when a run ended.
func (r *runFilter) defineEnded(f *flag.FlagSet) {
	f.StringVar(&r.endedSince, "ended-since", "", "runs that ended at this `time` or later, in the order of their ends; without --since and --until")
	f.StringVar(&r.code, "error-code", "", "runs that failed or were cancelled with this `code`, such as effect_failed")
	f.StringVar(&r.endedUntil, "ended-until", "", "runs that ended before this `time`")
}

func (r *runFilter) define(f *flag.FlagSet) {
	f.StringVar(&r.automation, "automation", "", "runs of the automation with this `ID`")
	f.IntVar(&r.version, "version", 0, "runs of this version, a `number`")
	f.StringVar(&r.contact, "contact", "", "runs of the contact with this `ID` or email")
	f.StringVar(&r.event, "event", "", "runs that an event with this `name` started")
	f.StringVar(&r.eventID, "event-id", "", "runs that the event with this `ID` started")
	f.StringVar(&r.step, "step", "", "runs whose current or last step has this `key`")
	f.StringVar(&r.since, "since", "", "runs that started at this `time` or later, or at most so long ago: 2026-03-02, 36h, 7d")
	f.StringVar(&r.until, "until", "", "runs that started before this `time`, or longer ago")
}

// given reports whether the filter selects less than all runs.
func (r *runFilter) given() bool { return *r != runFilter{} }

// query returns the filter as a query, except for the contact.
func (r *runFilter) query(c *call) (q automation.RunQuery, err error) {
	if (r.since != "" || r.until != "") && (r.endedSince != "" || r.endedUntil != "") {
		return q, usagef("runs are selected by when they started or by when they ended: leave out --since and --until, or --ended-since and --ended-until")
	}
	q = automation.RunQuery{
		AutomationID: r.automation, Version: r.version, EventName: r.event, EventID: r.eventID, Step: r.step,
		ErrorCode: automation.StepErrorCode(r.code),
	}
	for _, flag := range []struct {
		name, text string
		into       *time.Time
	}{
		{"since", r.since, &q.CreatedFrom},
		{"until", r.until, &q.CreatedUntil},
		{"ended-since", r.endedSince, &q.CompletedFrom},
		{"ended-until", r.endedUntil, &q.CompletedUntil},
	} {
		if *flag.into, err = c.moment(flag.name, flag.text); err != nil {
			return q, err
		}
	}
	return q, nil
}
