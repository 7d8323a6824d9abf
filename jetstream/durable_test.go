package jetstream

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/memory"
)

// serverWith starts a server and returns connections to its ordinary and to its system account.
func serverWith(t *testing.T, synced bool) (app, system *nats.Conn) {
	t.Helper()
	apps, sys := server.NewAccount("APP"), server.NewAccount("SYS")
	s, err := server.NewServer(&server.Options{
		ServerName: "node", JetStream: true, StoreDir: t.TempDir(), SyncAlways: synced, NoSigs: true, NoLog: true, DontListen: true,
		Accounts: []*server.Account{apps, sys}, SystemAccount: "SYS",
		Users: []*server.User{{Username: "app", Password: "app", Account: apps}, {Username: "sys", Password: "sys", Account: sys}},
	})
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	require.True(t, s.ReadyForConnections(20*time.Second))
	account, err := s.LookupAccount("APP")
	require.NoError(t, err)
	require.NoError(t, account.EnableJetStream(nil, nil))
	connect := func(user string) *nats.Conn {
		nc, err := nats.Connect("", nats.InProcessServer(s), nats.UserInfo(user, user))
		require.NoError(t, err)
		t.Cleanup(nc.Close)
		return nc
	}
	return connect("app"), connect("sys")
}

func TestNew_RefusesServersThatAcknowledgeBeforeTheDisk(t *testing.T) {
	app, system := serverWith(t, false)
	_, err := New(t.Context(), app, memory.New(), Options{Partitions: 1, System: system})
	require.ErrorIs(t, err, ErrNotDurable)
	require.ErrorContains(t, err, "set `jetstream { sync_interval: always }` on server \"node\"")
	_, err = New(t.Context(), app, memory.New(), Options{Partitions: 1})
	require.ErrorIs(t, err, automation.ErrInvalid, "New must not start without knowing")
	_, err = New(t.Context(), app, memory.New(), Options{Partitions: 1, System: app})
	require.ErrorContains(t, err, "it must be a connection to the system account")
}

func TestNew_AcceptsServersThatSync(t *testing.T) {
	app, system := serverWith(t, true)
	_, err := New(t.Context(), app, memory.New(), Options{Partitions: 1, System: system})
	require.NoError(t, err)
}
