package jetstream

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// membership is what a worker knows of the others. It compares their beats with its own clock, so
// the clocks of the workers may differ.
type membership struct {
	heartbeat time.Duration
	looked    time.Time // when it has seen the beats last
	members   map[string]*member
}

type member struct {
	beat uint64
	seen time.Time // when the beat was new
}

// deadAfter is after how many heartbeats without a sign a worker counts as gone.
const deadAfter = 4

func newMembership(heartbeat time.Duration) *membership {
	return &membership{heartbeat: heartbeat, members: map[string]*member{}}
}

// beat shows that the worker id is alive, and looks at the others.
func (m *membership) beat(ctx context.Context, bucket jetstream.KeyValue, id string) error {
	if _, err := bucket.Put(ctx, id, []byte(`{}`)); err != nil {
		return err
	}
	keys, err := bucket.ListKeys(ctx)
	if err != nil {
		return err
	}
	beats := map[string]uint64{}
	for id := range keys.Keys() {
		e, err := bucket.Get(ctx, id)
		if err != nil {
			continue // it has just ended
		}
		beats[id] = e.Revision()
	}
	m.look(beats, time.Now())
	for id, member := range m.members {
		if m.looked.Sub(member.seen) > 10*deadAfter*m.heartbeat {
			_ = bucket.Delete(ctx, id, jetstream.LastRevision(member.beat))
		}
	}
	return nil
}

// look takes in the beats of all workers. If this worker could not look for a while, because the
// servers elected a leader or the process stood still, the silence of the others proves nothing:
// of such a while, two heartbeats count.
func (m *membership) look(beats map[string]uint64, now time.Time) {
	uncounted := max(now.Sub(m.looked)-2*m.heartbeat, 0)
	m.looked = now
	for id := range m.members {
		if _, present := beats[id]; !present {
			delete(m.members, id)
		}
	}
	for id, beat := range beats {
		known := m.members[id]
		if known == nil {
			known = &member{}
			m.members[id] = known
		}
		if known.beat != beat {
			known.beat, known.seen = beat, now
		} else {
			known.seen = known.seen.Add(uncounted)
		}
	}
}

// alive returns the workers that have shown themselves lately.
func (m *membership) alive() (ids []string) {
	for id, member := range m.members {
		if m.looked.Sub(member.seen) <= deadAfter*m.heartbeat {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// ownerOf returns the worker that should own a partition: the one with the highest hash. When a
// worker comes or goes, only its own partitions move.
func ownerOf(ids []string, partition int) (owner string) {
	best := uint64(0)
	for _, id := range ids {
		h := fnv.New64a()
		fmt.Fprintf(h, "%s/%d", id, partition)
		score := h.Sum64() * 0x9E3779B97F4A7C15
		if owner == "" || score > best {
			owner, best = id, score
		}
	}
	return owner
}
