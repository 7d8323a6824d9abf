package jetstream

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/uuid"
)

// names gives the names of streams and subjects.
type names struct {
	prefix     string
	partitions int
}

// events is the stream of the logs of all partitions, and of idempotency keys.
func (n names) events() string { return n.prefix + "_events" }

// state is the stream of the states, timers and the checkpoint of a partition.
func (n names) state(p int) string { return n.prefix + "_state_" + strconv.Itoa(p) }

// workers is the bucket with the workers that are alive.
func (n names) workers() string { return n.prefix + "_workers" }

// log is the subject of all that happens in a partition. It has no contact: the server finds the
// last message of one subject at once, and that of a pattern by looking at every subject.
func (n names) log(p int) string { return fmt.Sprintf("%s.ev.%d", n.prefix, p) }

// key is the subject of an idempotency key of an event name.
func (n names) key(event, key string) string {
	sum := sha256.Sum256([]byte(event + "\x00" + key))
	return n.prefix + ".key." + hex.EncodeToString(sum[:16])
}

func (n names) contact(p int, token string) string {
	return fmt.Sprintf("%s.st.%d.%s", n.prefix, p, token)
}

func (n names) checkpoint(p int) string { return fmt.Sprintf("%s.cp.%d", n.prefix, p) }

// timers is the subject of the timers of a batch in a bucket, or of all batches.
func (n names) timers(p int, bucket int64, batch string) string {
	return fmt.Sprintf("%s.tm.%d.%d.%s", n.prefix, p, bucket, batch)
}

// tokenOf returns the name of a contact, or of an email without a contact, in subjects. The servers
// keep it in memory, so a UUID takes 22 characters.
func tokenOf(key automation.ContactRef) string {
	kind, text := "c", key.ID
	if key.ID == "" {
		kind, text = "e", automation.EmailKey(key.Email)
	}
	if id, ok := uuid.Parse(text); ok {
		return kind + "u" + base64.RawURLEncoding.EncodeToString(id[:])
	}
	if len(text) > 120 {
		sum := sha256.Sum256([]byte(text))
		return kind + "h" + hex.EncodeToString(sum[:])
	}
	return kind + "t" + base64.RawURLEncoding.EncodeToString([]byte(text))
}

// partitionOf returns the partition of a token.
func (n names) partitionOf(token string) int {
	h := fnv.New32a()
	h.Write([]byte(token))
	return int(h.Sum32() % uint32(n.partitions))
}

// lastToken returns the last token of a subject.
func lastToken(subject string) string { return subject[strings.LastIndexByte(subject, '.')+1:] }

func newID() string { return strings.ToLower(rand.Text()) }
