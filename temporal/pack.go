package temporal

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/seed-b636437c/automation"
)

// The first byte of what is packed. A release that finds another one is too old.
const (
	packedPlain   = 'j' // JSON
	packedDeflate = 'z' // compressed JSON
)

// compressFrom is the size from which compression is worth its time.
const compressFrom = 1 << 10

// pack encodes a value for the history of a workflow. Large values are compressed, because the
// server limits their size.
func pack(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("temporal: encode: %w", err)
	}
	if len(text) < compressFrom {
		return append([]byte{packedPlain}, text...), nil
	}
	var out bytes.Buffer
	out.WriteByte(packedDeflate)
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil {
		return nil, fmt.Errorf("temporal: compress: %w", err)
	}
	if _, err := w.Write(text); err != nil {
		return nil, fmt.Errorf("temporal: compress: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("temporal: compress: %w", err)
	}
	return out.Bytes(), nil
}

// maxUnpacked bounds what a packed value may become.
const maxUnpacked = 256 << 20

var errDamaged = errors.New("the data is damaged")

// unpack decodes a value that pack has encoded. The error wraps automation.ErrNewerVersion if a
// newer release has encoded it.
func unpack(data []byte, v any) error {
	if len(data) == 0 {
		return fmt.Errorf("temporal: %w: it is empty", errDamaged)
	}
	var text io.Reader = bytes.NewReader(data[1:])
	switch data[0] {
	case packedPlain:
	case packedDeflate:
		text = io.LimitReader(flate.NewReader(text), maxUnpacked)
	default:
		return fmt.Errorf("temporal: encoding %q: %w", data[:1], automation.ErrNewerVersion)
	}
	decoder := json.NewDecoder(text)
	decoder.UseNumber() // the numbers of properties are exact
	if err := decoder.Decode(v); err != nil {
		return fmt.Errorf("temporal: %w: %w", errDamaged, err)
	}
	return nil
}
