// Package command is the command line tool of package main, as a function that tests call.
package command

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/cmd/automation/internal/database"
)

// The exit statuses.
const (
	exitOK     = 0
	exitFailed = 1 // the command failed, or found problems
	exitUsage  = 2 // the command line is wrong
)

// Env is the surroundings of the tool.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Getenv returns a variable of the environment.
	Getenv func(name string) string
	// Clock is the clock of this machine. Nil means the system clock.
	Clock automation.Clock
	// Location is the time zone of --local. Nil means the system's.
	Location *time.Location
}

// command is one command of the tool. A new value is made for each use, because define
// keeps the flags in it.
type command struct {
	name      string
	arguments string // such as "RUN_ID…"
	summary   string // in a few words, for the list of commands
	about     string // paragraphs for the help of the command
	examples  []example
	offline   bool                  // the command takes no flags about a database
	define    func(f *flag.FlagSet) // may be nil
	run       func(ctx context.Context, c *call) error
}

// example is a command line with its purpose.
type example struct{ purpose, line string }

// commands returns all commands, in the order of the help.
func commands() []command {
	return []command{
		validateCommand(), migrateCommand(), doctorCommand(),
		automationsCommand(), runsCommand(), eventsCommand(), contactsCommand(), diagramCommand(),
		cancelCommand(), retryCommand(), stopCommand(), startCommand(), pruneCommand(),
		versionCommand(),
	}
}

// call is one use of a command.
type call struct {
	Env
	cmd  command
	args []string // without flags
	common
	out bytes.Buffer // goes to Stdout when the command ends
}

// common holds the flags that commands share.
type common struct {
	target  database.Target
	json    bool
	local   bool
	showing bool // --addresses
}

// errProblems makes a command that has printed what is wrong end with status 1.
var errProblems = errors.New("there are problems")

// usageError is a mistake in the command line.
type usageError struct{ message string }

func (e usageError) Error() string { return e.message }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// Run executes the command that args name, and returns the exit status.
func Run(ctx context.Context, env Env, args []string) int {
	if env.Clock == nil {
		env.Clock = automation.SystemClock()
	}
	if env.Location == nil {
		env.Location = time.Local
	}
	if len(args) == 0 {
		fmt.Fprint(env.Stderr, overview())
		return exitUsage
	}
	if isHelp(args[0]) {
		return help(env, args[1:])
	}
	cmd, err := find(args[0])
	if err != nil {
		return env.fail("automation", err)
	}
	return cmd.execute(ctx, env, args[1:])
}

func isHelp(arg string) bool {
	return arg == "help" || arg == "-h" || arg == "-help" || arg == "--help"
}

// execute runs the command, and returns the exit status.
func (cmd command) execute(ctx context.Context, env Env, args []string) int {
	c := &call{Env: env, cmd: cmd}
	err := c.parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return help(env, []string{cmd.name})
	}
	if err == nil {
		err = cmd.run(ctx, c)
	}
	if _, werr := c.out.WriteTo(env.Stdout); werr != nil && err == nil {
		err = werr
	}
	return env.fail("automation "+cmd.name, err)
}

// fail prints an error, if there is one, and returns the exit status.
func (env Env) fail(who string, err error) int {
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errProblems):
		return exitFailed
	case errors.As(err, &usage):
		fmt.Fprintf(env.Stderr, "%s: %s\n", who, err)
		return exitUsage
	case errors.Is(err, context.Canceled):
		fmt.Fprintf(env.Stderr, "%s: interrupted\n", who)
		return exitFailed
	}
	fmt.Fprintf(env.Stderr, "%s: %s\n", who, strings.TrimPrefix(err.Error(), "automation: "))
	if errors.Is(err, automation.ErrSchema) {
		fmt.Fprint(env.Stderr, "automation migrate --status shows the migrations, and automation migrate applies them\n")
	}
	return exitFailed
}
