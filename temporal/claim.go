package temporal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/seed-b636437c/automation"
)

// ErrCatalog is the error of New for a catalog that does not belong to the workflows with the
// Options.Name in the namespace.
var ErrCatalog = errors.New("the catalog does not belong to the workflows")

// claimCatalog makes sure that the catalog belongs to the workflows: both have the same number. A
// workflow that never begins has it, and the catalog has it as the sequence of a source.
func (s *Store) claimCatalog(ctx context.Context) error {
	source := s.source("id")
	has, err := s.projector.ProjectedTo(ctx, source)
	if err != nil {
		return fmt.Errorf("temporal: catalog: %w", err)
	}
	if has == 0 {
		has = rand.Int64N(1<<62) + 1
		err := s.projector.Project(ctx, automation.Projection{Source: source, Sequence: has})
		if errors.Is(err, automation.ErrConflict) { // another process was faster
			return s.claimCatalog(ctx)
		}
		if err != nil {
			return fmt.Errorf("temporal: catalog: %w", err)
		}
	}
	kept, err := s.keep(ctx, s.names.catalog(), keptKey{EventID: strconv.FormatInt(has, 10), AcceptedAt: time.Now().UTC()}, 0)
	if err != nil {
		return err
	}
	if kept.EventID != strconv.FormatInt(has, 10) {
		return fmt.Errorf("temporal: %w named %q: use the catalog with which they began, or another Options.Name", ErrCatalog, s.config.Name)
	}
	s.id = has
	return nil
}

// source is the name under which the catalog keeps a sequence.
func (s *Store) source(part string) string { return "temporal/" + s.config.Name + "/" + part }
