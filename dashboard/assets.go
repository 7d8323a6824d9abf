package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"sync"

	"github.com/seed-b636437c/automation/diagram"
)

//go:embed assets
var assetFiles embed.FS

// asset is a file for browsers.
type asset struct {
	body, zipped []byte
	kind         string // media type
}

// assetSet holds all assets. Its version is a hash of them, and part of their paths: a
// browser may keep them for ever.
type assetSet struct {
	version string
	files   map[string]asset
}

// assets returns all assets, which it reads and compresses once.
var assets = sync.OnceValue(func() assetSet {
	set := assetSet{files: map[string]asset{}}
	var styles bytes.Buffer
	hash := sha256.New()
	styles.WriteString(diagram.Style)
	hash.Write([]byte(diagram.Style))
	// The walk of an embedded folder is in the order of names, and does not fail.
	_ = fs.WalkDir(assetFiles, "assets", func(name string, entry fs.DirEntry, _ error) error {
		if entry.IsDir() {
			return nil
		}
		body, _ := assetFiles.ReadFile(name)
		if path.Dir(name) != "assets/vendor" {
			body = withoutComments(body)
		}
		hash.Write([]byte(name))
		hash.Write(body)
		if path.Ext(name) == ".css" {
			styles.Write(body)
			return nil
		}
		set.files[path.Base(name)] = newAsset(name, body)
		return nil
	})
	set.files["app.css"] = newAsset("app.css", styles.Bytes())
	set.version = hex.EncodeToString(hash.Sum(nil))[:12]
	return set
})

// commentLine is a line of JavaScript or CSS with nothing but a comment. No text in the
// modules has such a line.
var commentLine = regexp.MustCompile(`(?m)^ *(//.*|/\*.*\*/)$`)

// indentation is what only readers of the source need. In the markup of the modules it means nothing.
var indentation = regexp.MustCompile(`(?m)^ +`)

// withoutComments empties the lines with comments, which are a sixth of what would be sent, and
// leaves indentation out. Lines keep their numbers, so that an error in a browser leads to the source.
func withoutComments(body []byte) []byte {
	return indentation.ReplaceAll(commentLine.ReplaceAll(body, nil), nil)
}

func newAsset(name string, body []byte) asset {
	kinds := map[string]string{".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
	kind, ok := kinds[path.Ext(name)]
	if !ok {
		kind = "text/plain"
	}
	return asset{body, compress(body, gzip.BestCompression), kind + "; charset=utf-8"}
}

// serveAsset answers a request for an asset. The version is not checked: after an upgrade,
// a page from before it works with the new files or reports that it must be reloaded.
func (h *Handler) serveAsset(w http.ResponseWriter, r *http.Request) {
	file, ok := h.assets.files[r.PathValue("file")]
	if !ok {
		http.Error(w, "there is no such file", http.StatusNotFound)
		return
	}
	header := w.Header()
	header.Set("Content-Type", file.kind)
	header.Add("Vary", "Accept-Encoding")
	if r.PathValue("version") == h.assets.version {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if takesGzip(r) {
		header.Set("Content-Encoding", "gzip")
		_, _ = w.Write(file.zipped) // the client is gone
		return
	}
	_, _ = w.Write(file.body)
}
