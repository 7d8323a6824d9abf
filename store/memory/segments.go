package memory

import (
	"context"
	"slices"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// InsertSegment implements automation.SegmentStore.
func (s *Store) InsertSegment(ctx context.Context, seg automation.Segment) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.segment(seg.ID) >= 0 {
		return record.SegmentExists(seg.ID)
	}
	s.segments = append(s.segments, seg)
	return nil
}

// FindSegment implements automation.SegmentStore.
func (s *Store) FindSegment(ctx context.Context, id string) (automation.Segment, error) {
	if err := s.lock(ctx); err != nil {
		return automation.Segment{}, err
	}
	defer s.mu.Unlock()
	i := s.segment(id)
	if i < 0 {
		return automation.Segment{}, record.NotFound("segment", id)
	}
	return s.segments[i], nil
}

// RenameSegment implements automation.SegmentStore.
func (s *Store) RenameSegment(ctx context.Context, id, name string) (automation.Segment, error) {
	if err := s.lock(ctx); err != nil {
		return automation.Segment{}, err
	}
	defer s.mu.Unlock()
	i := s.segment(id)
	if i < 0 {
		return automation.Segment{}, record.NotFound("segment", id)
	}
	s.segments[i].Name = name
	return s.segments[i], nil
}

// DeleteSegment implements automation.SegmentStore.
func (s *Store) DeleteSegment(ctx context.Context, id string) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	i := s.segment(id)
	if i < 0 {
		return record.NotFound("segment", id)
	}
	s.segments = slices.Delete(s.segments, i, i+1)
	return nil
}

// ListSegments implements automation.SegmentStore.
func (s *Store) ListSegments(ctx context.Context, q automation.PageQuery) (automation.Page[automation.Segment], error) {
	if err := s.lock(ctx); err != nil {
		return automation.Page[automation.Segment]{}, err
	}
	defer s.mu.Unlock()
	return page(s.segments, q, "segment",
		func(seg automation.Segment) string { return seg.ID },
		func(automation.Segment) bool { return true },
		func(seg automation.Segment) automation.Segment { return seg })
}

// segment returns the index of the segment with this id, or -1.
func (s *Store) segment(id string) int {
	return slices.IndexFunc(s.segments, func(seg automation.Segment) bool { return seg.ID == id })
}
