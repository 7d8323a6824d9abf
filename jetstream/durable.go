package jetstream

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed-b636437c/automation"
)

// ErrNotDurable is the error of New for servers that acknowledge a write before it is on the disk.
// What they have acknowledged may be lost when they lose power at the same time.
var ErrNotDurable = fmt.Errorf("%w: writes are acknowledged before they are on the disk", ErrStreams)

// checkDurability returns an error unless all servers write to the disk before they acknowledge.
func (o Options) checkDurability() error {
	if o.SyncedByHost {
		return nil
	}
	if o.System == nil {
		var ps automation.Problems
		ps.Add(automation.CodeInvalidOption, "system", "the servers must have `jetstream { sync_interval: always }`, because by default they acknowledge a write before it is on the disk: give a connection to their system account, so that New can check this, or set SyncedByHost")
		return ps.Err("options of the engine on JetStream")
	}
	return checkServers(o.System)
}

// serverAnswer is the part of a server's answer that is checked.
type serverAnswer struct {
	Server struct {
		Name string `json:"name"`
	} `json:"server"`
	Data struct {
		Disabled bool `json:"disabled"`
		Config   struct {
			SyncAlways bool `json:"sync_always"`
		} `json:"config"`
	} `json:"data"`
}

// silence is how long no server must have answered before all are taken to have answered.
const silence = 500 * time.Millisecond

// checkServers asks all servers, over their system account.
func checkServers(system *nats.Conn) error {
	inbox := system.NewRespInbox()
	answers, err := system.SubscribeSync(inbox)
	if err != nil {
		return fmt.Errorf("jetstream: system account: %w", err)
	}
	defer func() { _ = answers.Unsubscribe() }()
	if err := system.PublishRequest("$SYS.REQ.SERVER.PING.JSZ", inbox, []byte(`{"config":true}`)); err != nil {
		return fmt.Errorf("jetstream: system account: %w", err)
	}
	for n := 0; ; n++ {
		msg, err := answers.NextMsg(silence)
		if err != nil {
			if n == 0 {
				return fmt.Errorf("jetstream: no server answers on Options.System: it must be a connection to the system account: %w", err)
			}
			return nil
		}
		var answer serverAnswer
		if err := json.Unmarshal(msg.Data, &answer); err != nil {
			return fmt.Errorf("jetstream: system account: %w", err)
		}
		if !answer.Data.Disabled && !answer.Data.Config.SyncAlways {
			return fmt.Errorf("jetstream: %w: set `jetstream { sync_interval: always }` on server %q", ErrNotDurable, answer.Server.Name)
		}
	}
}
