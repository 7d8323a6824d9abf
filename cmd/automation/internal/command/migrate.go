package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/cmd/automation/internal/database"
)

func migrateCommand() command {
	var o migrateOptions
	return command{
		name:    "migrate",
		summary: "create the tables, or bring them to the version of this release",
		about: `Creates the tables of the library, or brings them to the version that this release needs, as
Store.Migrate does. It changes nothing if they have that version. It creates a SQLite file
that does not exist.

Stop processes of an older release first if the changelog marks a migration as unfit for
them. With --print you can apply the migrations with a tool of your own: apply each in a
transaction.`,
		examples: []example{
			{"which migrations are applied?", "migrate --status"},
			{"apply the missing ones", "migrate"},
			{"the SQL of the missing ones", "migrate --print"},
			{"the SQL of all, without a connection", "migrate --print --all --database postgres:"},
		},
		define: o.define,
		run:    o.run,
	}
}

type migrateOptions struct{ print, all, status, dryRun bool }

func (o *migrateOptions) define(f *flag.FlagSet) {
	f.BoolVar(&o.status, "status", false, "list the migrations, and when each was applied; status 1 if one is missing")
	f.BoolVar(&o.dryRun, "dry-run", false, "list the migrations that would be applied")
	f.BoolVar(&o.print, "print", false, "print the SQL of the missing migrations, and apply nothing")
	f.BoolVar(&o.all, "all", false, "with --print: all migrations; does not connect to the database")
}

func (o *migrateOptions) run(ctx context.Context, c *call) error {
	if err := c.noArguments(); err != nil {
		return err
	}
	if o.all && !o.print {
		return usagef("--all is for --print")
	}
	if o.all {
		return c.printAllSQL()
	}
	all, err := c.migrations(ctx)
	if err != nil {
		return err
	}
	missing := missingOf(all)
	switch {
	case o.print:
		return c.printSQL(missing)
	case o.status:
		return c.printStatus(all, missing)
	case o.dryRun || len(missing) == 0:
		return c.printMigrated(missing, o.dryRun)
	}
	if err := c.use(ctx, database.Create, func(s *session) error { return s.Migrate(ctx) }); err != nil {
		return err
	}
	return c.printMigrated(missing, false)
}

// migrations returns the migrations with their state in the database. For a SQLite file
// that does not exist none is applied.
func (c *call) migrations(ctx context.Context) (all []database.Migration, err error) {
	err = c.use(ctx, database.Read, func(s *session) error {
		all, err = s.Migrations(ctx)
		return err
	})
	if errors.Is(err, database.ErrNoFile) {
		return database.Migrations(c.target)
	}
	return all, err
}

func missingOf(all []database.Migration) []database.Migration {
	var missing []database.Migration
	for _, m := range all {
		if m.AppliedAt.IsZero() {
			missing = append(missing, m)
		}
	}
	return missing
}

func (c *call) printAllSQL() error {
	if c.target.URL == "" {
		return usagef("--print --all needs the kind of the database: --database postgres: or --database sqlite:FILE")
	}
	all, err := database.Migrations(c.target)
	if errors.Is(err, database.ErrTarget) || errors.Is(err, automation.ErrInvalid) {
		return usagef("%s", err)
	}
	if err != nil {
		return err
	}
	return c.printSQL(all)
}

func (c *call) printSQL(all []database.Migration) error {
	if c.json {
		return c.printMigrationsJSON(all, true)
	}
	for _, m := range all {
		c.printf("-- migration %d, %s\n\n%s\n", m.Number, m.Name, strings.TrimSpace(m.SQL)+"\n")
	}
	return nil
}

// migrationItem is a migration in JSON.
type migrationItem struct {
	Number    int       `json:"number"`
	Name      string    `json:"name"`
	Applied   bool      `json:"applied"`
	AppliedAt time.Time `json:"applied_at,omitzero"`
	SQL       string    `json:"sql,omitempty"`
}

func (c *call) printMigrationsJSON(all []database.Migration, sql bool) error {
	var page automation.Page[migrationItem]
	for _, m := range all {
		item := migrationItem{m.Number, m.Name, !m.AppliedAt.IsZero(), m.AppliedAt.UTC(), ""}
		if sql {
			item.SQL = m.SQL
		}
		page.Data = append(page.Data, item)
	}
	return c.printJSON(listingOf(page))
}

// printStatus prints all migrations. Missing ones are a problem.
func (c *call) printStatus(all, missing []database.Migration) error {
	var err error
	if c.json {
		err = c.printMigrationsJSON(all, false)
	} else {
		t := table{}
		t.add("NUMBER", "NAME", c.titled("APPLIED"))
		for _, m := range all {
			state := c.at(m.AppliedAt)
			switch {
			case state == "":
				state = "missing"
			case m.SQL == "":
				state += ", by a newer release than this tool"
			}
			t.add(fmt.Sprint(m.Number), m.Name, state)
		}
		c.printTable(t)
	}
	if err == nil && len(missing) > 0 {
		return errProblems
	}
	return err
}

func (c *call) printMigrated(missing []database.Migration, dryRun bool) error {
	if c.json {
		return c.printJSON(struct {
			Object string   `json:"object"`
			DryRun bool     `json:"dry_run"`
			Names  []string `json:"applied"`
		}{"migration", dryRun, append([]string{}, namesOf(missing)...)})
	}
	switch {
	case len(missing) == 0:
		c.printf("The tables have the version of this release: there is nothing to apply.\n")
	case dryRun:
		c.printf("Would apply %s: %s.\n", plural(len(missing), "migration"), strings.Join(namesOf(missing), ", "))
	default:
		c.printf("Applied %s: %s.\n", plural(len(missing), "migration"), strings.Join(namesOf(missing), ", "))
	}
	return nil
}

func namesOf(all []database.Migration) []string {
	var names []string
	for _, m := range all {
		names = append(names, fmt.Sprintf("%d %s", m.Number, m.Name))
	}
	return names
}
