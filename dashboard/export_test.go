package dashboard

import (
	"maps"
	"slices"
)

// AssetNames returns the names of all assets.
func AssetNames() []string { return slices.Sorted(maps.Keys(assets().files)) }

// WaitForJobs waits until no job is at work.
func (h *Handler) WaitForJobs() { h.jobs.atWork.Wait() }
