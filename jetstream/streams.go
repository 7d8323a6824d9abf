package jetstream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-b636437c/automation"
)

// format is the version of what the streams hold. Any other one is refused.
//
// Format 3 has what a run listens to as a list. A process of format 2 would drop the list
// with the next change of the run, and one that reads format 3 would miss the single name:
// after a move to a database no event would find the run.
const format = 3

// The keys of the metadata of the stream of events.
const (
	metaFormat     = "automation-format"
	metaPartitions = "automation-partitions"
	metaID         = "automation-id"
)

// ErrStreams is the error of New for streams that this process or this catalog cannot use: the
// message has the reason and the way out.
var ErrStreams = errors.New("unusable streams")

// open creates the streams, or checks those that exist.
func (s *Store) open(ctx context.Context) error {
	err := s.patiently(ctx, "stream "+s.names.events(), func(ctx context.Context) (err error) {
		s.log, err = s.js.Stream(ctx, s.names.events())
		return err
	})
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		if err := s.create(ctx); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		if err := s.adopt(s.log.CachedInfo().Config.Metadata); err != nil {
			return err
		}
		if s.log.CachedInfo().Config.Sealed {
			return s.openSealed(ctx)
		}
	}
	if err := s.createParts(ctx); err != nil {
		return err
	}
	return s.claimCatalog(ctx)
}

func (s *Store) create(ctx context.Context) error {
	s.id = rand.Int64N(1<<62) + 1
	var err error
	s.log, err = s.createStream(ctx, jetstream.StreamConfig{
		Name: s.names.events(), Subjects: []string{s.names.prefix + ".ev.*", s.names.prefix + ".key.*", s.names.prefix + ".damaged.*.*"},
		Replicas: s.config.Replicas, AllowAtomicPublish: true, AllowMsgTTL: true,
		Description: "the events of automations, until they are handled, and their idempotency keys",
		Metadata: map[string]string{
			metaFormat: strconv.Itoa(format), metaPartitions: strconv.Itoa(s.config.Partitions),
			metaID: strconv.FormatInt(s.id, 10),
		},
	})
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another process was faster
		return s.open(ctx)
	}
	return err
}

// createStream makes a stream.
func (s *Store) createStream(ctx context.Context, config jetstream.StreamConfig) (stream jetstream.Stream, err error) {
	err = s.patiently(ctx, "create stream "+config.Name, func(ctx context.Context) (err error) {
		stream, err = s.js.CreateStream(ctx, config)
		return err
	})
	return stream, err
}

// adopt takes the partitions and the id from the metadata of existing streams.
func (s *Store) adopt(meta map[string]string) error {
	if f, err := strconv.Atoi(meta[metaFormat]); err != nil || f != format {
		return fmt.Errorf("jetstream: %w: the streams of %q have format %q, and this release reads %d: use the release that wrote them, or another Options.Name", ErrStreams, s.config.Name, meta[metaFormat], format)
	}
	partitions, err := strconv.Atoi(meta[metaPartitions])
	if err != nil || partitions != s.config.Partitions {
		return fmt.Errorf("jetstream: %w: the streams of %q have %s partitions, and Options.Partitions is %d: it cannot change", ErrStreams, s.config.Name, meta[metaPartitions], s.config.Partitions)
	}
	if s.id, err = strconv.ParseInt(meta[metaID], 10, 64); err != nil {
		return fmt.Errorf("jetstream: %w: the streams of %q have no id", ErrStreams, s.config.Name)
	}
	return nil
}

// createParts creates the streams of the partitions that do not exist yet.
func (s *Store) createParts(ctx context.Context) error {
	for p := range s.config.Partitions {
		_, err := s.createStream(ctx, jetstream.StreamConfig{
			Name: s.names.state(p),
			Subjects: []string{
				s.names.contact(p, "*"), s.names.contact(p, "*.*"), s.names.checkpoint(p), fmt.Sprintf("%s.tm.%d.*.*", s.names.prefix, p),
			},
			Replicas: s.config.Replicas, AllowAtomicPublish: true, AllowMsgTTL: true, AllowDirect: true, MaxMsgsPerSubject: 1,
			Description: "the runs in progress of one partition of automations, with their timers",
		})
		if err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return err
		}
	}
	return s.createBucket(ctx)
}

// createBucket creates the bucket of the workers, unless it exists.
func (s *Store) createBucket(ctx context.Context) error {
	return s.patiently(ctx, "create bucket "+s.names.workers(), func(ctx context.Context) error {
		_, err := s.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: s.names.workers(), Storage: jetstream.MemoryStorage, Replicas: s.config.Replicas,
		})
		if errors.Is(err, jetstream.ErrBucketExists) {
			return nil
		}
		return err
	})
}

// claimCatalog makes sure that the catalog belongs to the streams: it has their id as the
// sequence of a source.
func (s *Store) claimCatalog(ctx context.Context) error {
	source := s.source("id")
	has, err := s.projector.ProjectedTo(ctx, source)
	if err != nil {
		return fmt.Errorf("jetstream: catalog: %w", err)
	}
	if has == 0 {
		if err := s.unused(ctx); err != nil {
			return err
		}
		if err := s.engage(ctx); err != nil {
			return err
		}
		err = s.projector.Project(ctx, automation.Projection{Source: source, Sequence: s.id})
		if errors.Is(err, automation.ErrConflict) { // another process was faster
			return s.claimCatalog(ctx)
		}
		return err
	}
	if has != s.id {
		return s.otherStreams()
	}
	return s.engage(ctx)
}

// otherStreams is the error for a catalog that other streams with the same name use.
func (s *Store) otherStreams() error {
	return fmt.Errorf("jetstream: %w: the catalog belongs to other streams named %q: connect to those, or use an empty catalog", ErrStreams, s.config.Name)
}

// engage makes the catalog refuse the claims of others.
func (s *Store) engage(ctx context.Context) error {
	if err := s.projector.Engage(ctx, s.engine()); err != nil {
		return fmt.Errorf("jetstream: catalog: %w", err)
	}
	return nil
}

// engine is the name of the engine for the catalog.
func (s *Store) engine() string { return "jetstream/" + s.config.Name }

// unused returns an error if a worker has worked on the streams: then they belong to a catalog.
func (s *Store) unused(ctx context.Context) error {
	for p := range s.config.Partitions {
		var stream jetstream.Stream
		err := s.patiently(ctx, "stream "+s.names.state(p), func(ctx context.Context) (err error) {
			stream, err = s.js.Stream(ctx, s.names.state(p))
			return err
		})
		if err != nil {
			return err
		}
		if stream.CachedInfo().State.LastSeq > 0 {
			return fmt.Errorf("jetstream: %w: the streams named %q belong to another catalog: use that one, or another Options.Name", ErrStreams, s.config.Name)
		}
	}
	return nil
}

// source is the name under which the catalog keeps a sequence.
func (s *Store) source(part string) string { return s.engine() + "/" + part }
