package command

import (
	"cmp"
	"flag"
	"fmt"
	"runtime/debug"
	"strings"

	"context"

	"github.com/seed-b636437c/automation/internal/nearest"
)

const (
	intro = `Automation is for operators of automations in SQLite or Postgres.

usage: automation COMMAND [flags] [arguments]

`
	outro = `
automation help COMMAND shows the flags of a command, with examples.

The database is --database URL, or the environment variable ` + databaseVariable + `:
  postgres://user@host/database   Postgres; the password can be in PGPASSWORD or ~/.pgpass
  sqlite:FILE, or FILE            a SQLite file

The tool sends no emails and executes no steps. It works on the database, beside the
application: what it records, the application applies.

Exit status: 0 if all is well, 1 if the command failed or found problems, 2 if the command
line is wrong.
`
)

// overview returns the help of the tool.
func overview() string {
	var b strings.Builder
	b.WriteString(intro)
	var t table
	for _, cmd := range commands() {
		t.add("  "+cmd.name, cmd.summary)
	}
	t.write(&b)
	b.WriteString(outro)
	return b.String()
}

// help prints the help of a command, or of the tool, and returns the exit status.
func help(env Env, args []string) int {
	if len(args) == 0 || isHelp(args[0]) {
		fmt.Fprint(env.Stdout, overview())
		return exitOK
	}
	cmd, err := find(args[0])
	if err == nil {
		fmt.Fprint(env.Stdout, cmd.help())
	}
	return env.fail("automation", err)
}

// find returns the command with a name.
func find(name string) (command, error) {
	var names []string
	for _, cmd := range commands() {
		if cmd.name == name {
			return cmd, nil
		}
		names = append(names, cmd.name)
	}
	hint := "automation help lists the commands"
	if near := nearest.Match(name, names); near != "" {
		hint = fmt.Sprintf("do you mean %s?", near)
	}
	return command{}, usagef("there is no command %q: %s", name, hint)
}

// help returns the help of the command.
func (cmd command) help() string {
	var b strings.Builder
	fmt.Fprintf(&b, "usage: automation %s\n\n%s\n\nExamples:\n", strings.TrimSpace(cmd.name+" [flags] "+cmd.arguments), strings.TrimSpace(cmd.about))
	for _, e := range cmd.examples {
		fmt.Fprintf(&b, "  # %s\n  automation %s\n", e.purpose, e.line)
	}
	b.WriteString("\nFlags:\n")
	var t table
	(&call{cmd: cmd}).flags().VisitAll(func(f *flag.Flag) {
		value, usage := flag.UnquoteUsage(f)
		t.add(strings.TrimRight("  --"+f.Name+" "+value, " "), usage)
	})
	t.write(&b)
	return b.String()
}

func versionCommand() command {
	return command{
		name: "version", offline: true,
		summary:  "print the version of the tool",
		about:    "Prints the version of the tool, which is the version of the library.",
		examples: []example{{"which release is this?", "version"}},
		run: func(_ context.Context, c *call) error {
			version := "unknown"
			if info, ok := debug.ReadBuildInfo(); ok {
				version = cmp.Or(info.Main.Version, version)
			}
			if c.json {
				return c.printJSON(map[string]string{"object": "version", "version": version})
			}
			c.printf("automation %s\n", version)
			return c.noArguments()
		},
	}
}
