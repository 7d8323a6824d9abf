package journeys_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/postgres"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

// remoteEnv makes the test binary a node that works once. Its value is a remoteNode.
const remoteEnv = "AUTOMATION_JOURNEYS_NODE"

// remoteNode is a node in another process, at a time.
type remoteNode struct {
	Address string // of its store
	Now     time.Time
}

func TestMain(m *testing.M) {
	config := os.Getenv(remoteEnv)
	if config == "" {
		os.Exit(m.Run())
	}
	if err := remoteMain(config); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func remoteMain(config string) error {
	var n remoteNode
	if err := json.Unmarshal([]byte(config), &n); err != nil {
		return err
	}
	ctx := context.Background()
	store, closed, err := openAt(ctx, n.Address)
	if err != nil {
		return err
	}
	clock := world.NewPacedClock()
	clock.Set(n.Now)
	runner, err := automation.New(store, capture.New(), automation.Options{Clock: clock})
	if err == nil {
		_, err = runner.Drain(ctx)
	}
	return errors.Join(err, closed())
}

// openAt opens the store in a file or, at a URL, in Postgres.
func openAt(ctx context.Context, address string) (store automation.Store, closed func() error, err error) {
	if !strings.Contains(address, "://") {
		s, err := sqlitefile.Open(ctx, address)
		if err != nil {
			return nil, nil, err
		}
		return s, s.Close, nil
	}
	pool, err := pgxpool.New(ctx, address)
	if err != nil {
		return nil, nil, err
	}
	s, err := postgres.New(pool, postgres.Options{})
	if err == nil {
		err = s.Migrate(ctx)
	}
	return s, func() error { pool.Close(); return nil }, err
}

// drainElsewhere does the work that is due in a process that has a time zone more.
func (p *play) drainElsewhere(n remoteNode) {
	p.T.Helper()
	folder := p.T.TempDir()
	require.NoError(p.T, os.Mkdir(filepath.Join(folder, "Europe"), 0o700))
	require.NoError(p.T, os.WriteFile(filepath.Join(folder, "Europe", "Atlantis"), zoneFile(), 0o600))
	n.Now = p.Clock.Now()
	config, err := json.Marshal(n)
	require.NoError(p.T, err)
	cmd := exec.CommandContext(p.Ctx, os.Args[0])
	cmd.Env = append(os.Environ(), remoteEnv+"="+string(config), "ZONEINFO="+folder)
	out, err := cmd.CombinedOutput()
	require.NoError(p.T, err, "%s", out)
}

// Case 24: one of two nodes cannot load the time zone of a contact. The node that wakes a run
// goes on at the instant that the other has computed, and neither finds it past.
func TestDelayUntil_ZoneThatOneOfTwoNodesLacks(t *testing.T) {
	t.Parallel()
	if byTurns() {
		t.Skip("the node in the other process has a Drain")
	}
	for name, address := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "store.db") },
		"postgres": func(t *testing.T) string { return pgtest.URL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := remoteNode{Address: address(t)}
			s, closed, err := openAt(t.Context(), n.Address)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, closed()) })
			p := newPlay(t, s, automation.Options{}, blow{})
			p.Create(world.Flow("flow", "signup", automation.Step{Key: "until", Config: automation.DelayUntil{
				At: automation.Var("contact.properties.date"), Time: automation.MustParseLocalTime("09:00"),
				Zone: automation.ContactZone(), IfPast: automation.OtherwiseFail,
			}}, world.Email("hello")))
			here := func() { p.Drain() }
			there := func() { p.drainElsewhere(n) }
			for _, tt := range []struct {
				id, date     string
				first, wakes func()
				until, zone  string
			}{
				{"c-1", "2026-05-02", there, here, "2026-05-02T04:00:00Z", `"zone":"Europe/Atlantis"`},
				{"c-2", "2026-05-04", here, there, "2026-05-04T09:00:00Z", `"zone_given":"Europe/Atlantis"`},
			} {
				p.AddContact(automation.Contact{ID: tt.id, Email: tt.id + "@example.com", Properties: map[string]any{
					"date": tt.date, "timezone": "Europe/Atlantis",
				}})
				p.Send(automation.Event{Name: "signup", ContactID: tt.id})
				tt.first()
				run := p.RunOf(tt.id)
				require.Equal(p.T, timeOf(p.T, tt.until), run.DueAt.UTC())
				assert.Contains(p.T, string(world.Step(p.T, run, "until").Output), tt.zone)
				p.Clock.Set(timeOf(p.T, tt.until).Add(-time.Microsecond))
				tt.wakes()
				require.Equal(p.T, "until", p.RunOf(tt.id).Step)
				p.Clock.Set(timeOf(p.T, tt.until))
				tt.wakes()
				run = p.RunOf(tt.id)
				assert.Equal(p.T, automation.RunCompleted, run.Status)
				assert.Equal(p.T, timeOf(p.T, tt.until), world.Step(p.T, run, "hello").CompletedAt.UTC())
			}
		})
	}
}

// zoneFile returns the data of a time zone that is five hours ahead, in the format of RFC 9636.
func zoneFile() []byte {
	file := append([]byte("TZif"), make([]byte, 16+4*4)...) // no leap seconds, no changes
	file = binary.BigEndian.AppendUint32(file, 1)           // one type
	file = binary.BigEndian.AppendUint32(file, 4)           // the bytes of its name
	file = binary.BigEndian.AppendUint32(file, 5*60*60)
	return append(file, 0, 0, 'A', 'T', 'L', 0)
}
