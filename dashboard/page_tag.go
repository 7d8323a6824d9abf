package dashboard

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
)

// tagOf returns the entity tag of the content of a page.
func tagOf(content []byte) string {
	hash := sha256.New()
	for len(content) > 0 {
		at := times.FindIndex(content)
		if at == nil {
			break
		}
		hash.Write(content[:at[0]])
		hash.Write(machineTime.Find(content[at[0]:at[1]]))
		content = content[at[1]:]
	}
	hash.Write(content)
	return `"` + hex.EncodeToString(hash.Sum(nil)[:12]) + `"`
}

// times are the parts of a page that change although nothing happens: how long ago
// something was.
var times = regexp.MustCompile(`(?s)<time[^>]*>[^<]*</time>`)

// machineTime is the attribute with the time itself.
var machineTime = regexp.MustCompile(`datetime="[^"]*"`)
