package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/jetstream"
	"github.com/seed-b636437c/automation/store/postgres"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

// move is what one call of the command does.
type move struct {
	to       string
	database string
	schema   string
	servers  string
	creds    string
	opts     jetstream.Options
	out      io.Writer // of the summary
	progress io.Writer
}

// run parses the arguments and moves.
func run(ctx context.Context, args []string, out, errs io.Writer) error {
	m := move{out: out, progress: errs}
	flags := flag.NewFlagSet("automation-move", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.StringVar(&m.to, "to", "", "engine: the runs in the database move to the engine; database: everything moves back; "+
		"forget: remove what is left on the servers after a move back, so that the application can move again")
	flags.StringVar(&m.database, "database", "", "the database: postgres://… or the file of a SQLite database")
	flags.StringVar(&m.schema, "schema", "", "the schema of the tables in Postgres (default automation)")
	flags.StringVar(&m.servers, "nats", nats.DefaultURL, "the URLs of the NATS servers, separated by commas")
	flags.StringVar(&m.creds, "creds", "", "the file with the credentials for NATS")
	flags.StringVar(&m.opts.Name, "name", "", "Options.Name of the application (default automation)")
	flags.IntVar(&m.opts.Partitions, "partitions", 0, "Options.Partitions of the application (default 16)")
	flags.IntVar(&m.opts.Replicas, "replicas", 0, "Options.Replicas of the application (default 1)")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	// The processes of the application check this. The command writes no events.
	m.opts.SyncedByHost = true
	return m.run(ctx)
}

func (m *move) run(ctx context.Context) error {
	var connect []nats.Option
	if m.creds != "" {
		connect = append(connect, nats.UserCredentials(m.creds))
	}
	nc, err := nats.Connect(m.servers, connect...)
	if err != nil {
		return fmt.Errorf("connecting to %s: %w", m.servers, err)
	}
	defer nc.Close()
	switch m.to {
	case "engine":
		return m.withStore(ctx, nc, m.toEngine)
	case "database":
		return m.withStore(ctx, nc, m.toDatabase)
	case "forget":
		if err := jetstream.Forget(ctx, nc, m.opts.Name); err != nil {
			return err
		}
		fmt.Fprintln(m.out, "The servers have nothing of the engine any more.")
		return nil
	default:
		return fmt.Errorf("-to is %q: give engine, database or forget", m.to)
	}
}

// withStore calls do with a store of the engine.
func (m *move) withStore(ctx context.Context, nc *nats.Conn, do func(ctx context.Context, s *jetstream.Store) error) error {
	catalog, closed, err := m.open(ctx)
	if err != nil {
		return err
	}
	defer closed()
	s, err := jetstream.New(ctx, nc, catalog, m.opts)
	if errors.Is(err, jetstream.ErrLeft) && m.to == "database" {
		fmt.Fprintln(m.out, "Everything is in the database.")
		return nil
	}
	if err != nil {
		return err
	}
	return do(ctx, s)
}

// open opens the store in the database.
func (m *move) open(ctx context.Context) (catalog automation.Store, closed func(), err error) {
	if m.database == "" {
		return nil, nil, errors.New("-database is missing")
	}
	if !strings.HasPrefix(m.database, "postgres://") && !strings.HasPrefix(m.database, "postgresql://") {
		s, err := sqlitefile.Open(ctx, m.database)
		if err != nil {
			return nil, nil, err
		}
		return s, func() { _ = s.Close() }, nil
	}
	pool, err := pgxpool.New(ctx, m.database)
	if err != nil {
		return nil, nil, err
	}
	s, err := postgres.New(pool, postgres.Options{Schema: m.schema})
	if err != nil {
		pool.Close()
		return nil, nil, err
	}
	return s, pool.Close, nil
}

func (m *move) toEngine(ctx context.Context, s *jetstream.Store) error {
	began, contacts := time.Now(), 0
	err := s.Move(ctx, func(p jetstream.MoveProgress) {
		contacts = p.Contacts
		fmt.Fprintf(m.progress, "%d contacts found, %d of %d partitions have them all\n", p.Contacts, p.Partitions, p.Of)
	})
	if err != nil {
		return err
	}
	waiting, err := s.Stats(ctx, automation.StatsParams{Now: time.Now(), Limit: 1000})
	if err != nil {
		return err
	}
	fmt.Fprintf(m.out, "Moved to the engine in %s: %d contacts with work were found now. Processes that work on the database have leases on %d contacts still.\n",
		time.Since(began).Round(time.Millisecond), contacts, waiting.Leases)
	return nil
}

func (m *move) toDatabase(ctx context.Context, s *jetstream.Store) error {
	began := time.Now()
	err := s.Leave(ctx, func(p jetstream.MoveProgress) {
		fmt.Fprintf(m.progress, "%d of %d partitions have given everything back\n", p.Partitions, p.Of)
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(m.out, "Moved to the database in %s: Runners on it may work.\n", time.Since(began).Round(time.Millisecond))
	return nil
}
