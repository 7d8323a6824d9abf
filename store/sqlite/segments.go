package sqlite

import (
	"context"
	"database/sql"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

const selectSegment = `SELECT id, name, created_at FROM automation_segments`

func scanSegment(rows *sql.Rows) (s automation.Segment, err error) {
	var id key
	var created timestamp
	err = rows.Scan(&id, &s.Name, &created)
	s.ID, s.CreatedAt = id.id(), created.Time
	return s, err
}

const insertSegment = `INSERT INTO automation_segments (id, name, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`

// InsertSegment implements automation.SegmentStore.
func (s *Store) InsertSegment(ctx context.Context, seg automation.Segment) error {
	return s.write(ctx, func(ctx context.Context, tx *transaction) error {
		n, err := changed(ctx, tx, insertSegment, idKey(seg.ID).column(), seg.Name, seg.CreatedAt.UnixMicro())
		if err == nil && n == 0 {
			return record.SegmentExists(seg.ID)
		}
		return failed("insert segment", err)
	})
}

// These rely on the unique index on id.
const (
	findSegment   = selectSegment + ` WHERE id = ?`
	renameSegment = `UPDATE automation_segments SET name = ? WHERE id = ? RETURNING id, name, created_at`
	deleteSegment = `DELETE FROM automation_segments WHERE id = ?`
)

// FindSegment implements automation.SegmentStore.
func (s *Store) FindSegment(ctx context.Context, id string) (seg automation.Segment, err error) {
	err = s.read(ctx, func(q session) error {
		var found bool
		seg, found, err = one(ctx, q, scanSegment, findSegment, idKey(id).column())
		if err == nil && !found {
			return record.NotFound("segment", id)
		}
		return failed("find segment", err)
	})
	return seg, err
}

// RenameSegment implements automation.SegmentStore.
func (s *Store) RenameSegment(ctx context.Context, id, name string) (seg automation.Segment, err error) {
	err = s.write(ctx, func(ctx context.Context, tx *transaction) error {
		var found bool
		seg, found, err = one(ctx, tx, scanSegment, renameSegment, name, idKey(id).column())
		if err == nil && !found {
			return record.NotFound("segment", id)
		}
		return failed("rename segment", err)
	})
	return seg, err
}

// DeleteSegment implements automation.SegmentStore.
func (s *Store) DeleteSegment(ctx context.Context, id string) error {
	return s.write(ctx, func(ctx context.Context, tx *transaction) error {
		n, err := changed(ctx, tx, deleteSegment, idKey(id).column())
		if err == nil && n == 0 {
			return record.NotFound("segment", id)
		}
		return failed("delete segment", err)
	})
}

// These rely on the primary key, from the cursor on.
const (
	olderSegments = selectSegment + ` WHERE no < ? ORDER BY no DESC LIMIT 0 + ?`
	newerSegments = selectSegment + ` WHERE no > ? ORDER BY no LIMIT 0 + ?`
	findSegmentNo = `SELECT no FROM automation_segments WHERE id = ?`
)

// ListSegments implements automation.SegmentStore.
func (s *Store) ListSegments(ctx context.Context, q automation.PageQuery) (automation.Page[automation.Segment], error) {
	list := lister[automation.Segment]{
		kind: "segment", number: findSegmentNo, scan: scanSegment,
		older: olderSegments, newer: newerSegments,
	}
	return list.page(ctx, s, q, idKey(q.After+q.Before).column())
}
