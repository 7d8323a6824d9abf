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

// log is the subject of what happens to a contact, or of all that happens in a partition.
func (n names) log(p int, token string) string {
	return fmt.Sprintf("%s.ev.%d.%s", n.prefix, p, token)
}

// key is the subject of an idempotency key of an event name.
func (n names) key(event, key string) string {
	sum := sha256.Sum256([]byte(event + "\x00" + key))
	return n.prefix + ".key." + hex.EncodeToString(sum[:16])
}

func (n names) contact(p int, token string) string {
	return fmt.Sprintf("%s.st.%d.%s", n.prefix, p, token)
}

func (n names) checkpoint(p int) string { return fmt.Sprintf("%s.cp.%d", n.prefix, p) }

// timer is the subject of a contact's timer in a bucket, or of all of them.
func (n names) timer(p int, bucket int64, token string) string {
	return fmt.Sprintf("%s.tm.%d.%d.%s", n.prefix, p, bucket, token)
}

// The tokens of messages that are not about one contact.
const (
	tickToken    = "-tick"
	lookToken    = "-look"
	catalogToken = "-catalog"
)

// tokenOf returns the name of a contact, or of an email without a contact, in subjects.
func tokenOf(key automation.ContactRef) string {
	kind, text := "c", key.ID
	if key.ID == "" {
		kind, text = "e", automation.EmailKey(key.Email)
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
