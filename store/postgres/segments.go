package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

const segmentColumns = `id, name, created_at`

func scanSegment(scan scanFunc) (s automation.Segment, err error) {
	var created pgtype.Timestamptz
	err = scan(&s.ID, &s.Name, &created)
	s.CreatedAt = timeOf(created)
	return s, err
}

const insertSegment = `INSERT INTO automation.segments (id, name, created_at) VALUES ($1::text, $2::text, $3::timestamptz)`

// InsertSegment implements automation.SegmentStore.
func (s *Store) InsertSegment(ctx context.Context, seg automation.Segment) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	var sc script
	sc.exec(insertSegment, seg.ID, seg.Name, timeOrNull(seg.CreatedAt))
	err := implicit{s}.run(ctx, sc)
	if errorCode(err) == uniqueViolation {
		return record.SegmentExists(seg.ID)
	}
	if err != nil {
		return fmt.Errorf("postgres store: insert segment %q: %w", seg.ID, err)
	}
	return nil
}

// These rely on segments_id.
const (
	findSegment   = `SELECT ` + segmentColumns + ` FROM automation.segments WHERE id = $1::text`
	renameSegment = `UPDATE automation.segments SET name = $2::text WHERE id = $1::text RETURNING ` + segmentColumns
	deleteSegment = `DELETE FROM automation.segments WHERE id = $1::text RETURNING ` + segmentColumns
)

// FindSegment implements automation.SegmentStore.
func (s *Store) FindSegment(ctx context.Context, id string) (automation.Segment, error) {
	return s.segment(ctx, id, findSegment)
}

// RenameSegment implements automation.SegmentStore.
func (s *Store) RenameSegment(ctx context.Context, id, name string) (automation.Segment, error) {
	return s.segment(ctx, id, renameSegment, name)
}

// DeleteSegment implements automation.SegmentStore.
func (s *Store) DeleteSegment(ctx context.Context, id string) error {
	_, err := s.segment(ctx, id, deleteSegment)
	return err
}

// segment runs a statement that returns the segment with this id. The id is the first
// argument of the statement.
func (s *Store) segment(ctx context.Context, id, sql string, args ...any) (seg automation.Segment, err error) {
	if err := s.ready(ctx); err != nil {
		return seg, err
	}
	found := false
	var sc script
	sc.query(func(scan scanFunc) error {
		found = true
		seg, err = scanSegment(scan)
		return err
	}, sql, append([]any{id}, args...)...)
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return seg, fmt.Errorf("postgres store: segment %q: %w", id, err)
	}
	if !found {
		return seg, record.NotFound("segment", id)
	}
	return seg, nil
}

// The lists rely on the primary key of segments.
const (
	findSegmentNo = `SELECT no FROM automation.segments WHERE id = $1::text`
	olderSegments = `SELECT ` + segmentColumns + ` FROM automation.segments WHERE no < $1::bigint ORDER BY no DESC LIMIT $2::int`
	newerSegments = `SELECT ` + segmentColumns + ` FROM automation.segments WHERE no > $1::bigint ORDER BY no LIMIT $2::int`
)

// ListSegments implements automation.SegmentStore.
func (s *Store) ListSegments(ctx context.Context, q automation.PageQuery) (automation.Page[automation.Segment], error) {
	return lister[automation.Segment]{
		kind: "segment", number: findSegmentNo, older: olderSegments, newer: newerSegments, scan: scanSegment,
	}.page(ctx, s, q)
}
