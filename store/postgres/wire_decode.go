package postgres

import (
	"bytes"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation/internal/uuid"
)

// decoder scans rows. It leaves to pgx what decode does not know.
type decoder struct {
	types   *pgtype.Map
	columns *preparedStatement
	values  [][]byte // of a row, nil for NULL
	scan    scanFunc // is scanRow
}

func (d *decoder) scanRow(dest ...any) error {
	if len(dest) != len(d.values) || len(dest) != len(d.columns.Fields) {
		return fmt.Errorf("a row has %d columns, and is scanned into %d variables", len(d.values), len(dest))
	}
	for i, v := range dest {
		column := &d.columns.Fields[i]
		if decode(column.DataTypeOID, d.values[i], v) {
			continue
		}
		if err := d.types.Scan(column.DataTypeOID, d.columns.formats[i], d.values[i], v); err != nil {
			return fmt.Errorf("column %q: %w", column.Name, err)
		}
	}
	return nil
}

// columnFormat returns the format in which the server sends columns of a type. It must be
// binary for the types of decode.
func columnFormat(types *pgtype.Map, oid uint32) int16 {
	switch oid {
	case pgtype.TextOID, pgtype.ByteaOID, pgtype.BoolOID, pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.TimestamptzOID, pgtype.UUIDOID:
		return pgtype.BinaryFormatCode
	default:
		return types.FormatCodeForOID(oid)
	}
}

// decode scans a value of a type in the binary format, as pgx does. It reports false if it does
// not know how to, or if pgx has to refuse the value.
func decode(oid uint32, value []byte, dest any) bool {
	switch to := dest.(type) {
	case *string:
		return decodeString(oid, value, to)
	case *pgtype.Text:
		*to = pgtype.Text{}
		to.Valid = decodeString(oid, value, &to.String)
		return to.Valid || value == nil && (oid == pgtype.TextOID || oid == pgtype.UUIDOID)
	case *[]byte:
		return decodeBytes(oid, value, to)
	case *ownerKey:
		return decodeOwner(oid, value, to)
	case *time.Time:
		return decodeTime(oid, value, to)
	case *pgtype.Timestamptz:
		*to = pgtype.Timestamptz{}
		to.Valid = decodeTime(oid, value, &to.Time)
		return to.Valid || value == nil && oid == pgtype.TimestamptzOID
	case *bool:
		return decodeBool(oid, value, to)
	case *int:
		return decodeInt(oid, value, to)
	case *int16:
		return decodeInt(oid, value, to)
	case *int32:
		return decodeInt(oid, value, to)
	case *int64:
		return decodeInt(oid, value, to)
	case *pgtype.Int4:
		*to = pgtype.Int4{}
		to.Valid = decodeInt(oid, value, &to.Int32)
		return to.Valid || value == nil && oid == pgtype.Int4OID
	case *pgtype.Int8:
		*to = pgtype.Int8{}
		to.Valid = decodeInt(oid, value, &to.Int64)
		return to.Valid || value == nil && oid == pgtype.Int8OID
	default:
		return false
	}
}

func decodeString(oid uint32, value []byte, to *string) bool {
	switch {
	case oid == pgtype.TextOID && value != nil:
		*to = string(value)
	case oid == pgtype.UUIDOID && len(value) == 16:
		*to = uuid.Format([16]byte(value))
	default:
		return false
	}
	return true
}

func decodeBytes(oid uint32, value []byte, to *[]byte) bool {
	if oid != pgtype.ByteaOID && oid != pgtype.TextOID {
		return false
	}
	*to = bytes.Clone(value)
	return true
}

func decodeOwner(oid uint32, value []byte, to *ownerKey) bool {
	if oid != pgtype.ByteaOID || value == nil {
		return false
	}
	*to = ownerKey(value)
	return true
}

func decodeBool(oid uint32, value []byte, to *bool) bool {
	if oid != pgtype.BoolOID || len(value) != 1 {
		return false
	}
	*to = value[0] == 1
	return true
}

func decodeInt[T int | int16 | int32 | int64](oid uint32, value []byte, to *T) bool {
	var n int64
	switch {
	case oid == pgtype.Int2OID && len(value) == 2:
		n = int64(int16(be.Uint16(value)))
	case oid == pgtype.Int4OID && len(value) == 4:
		n = int64(int32(be.Uint32(value)))
	case oid == pgtype.Int8OID && len(value) == 8:
		n = int64(be.Uint64(value))
	default:
		return false
	}
	if int64(T(n)) != n {
		return false
	}
	*to = T(n)
	return true
}

// Times from the beginning of 1 to the end of 9999, in microseconds since the beginning of
// 2000. Others, and infinity, are rare.
const (
	minTime = -63_082_281_600_000_000
	endTime = 252_455_616_000_000_000
)

func decodeTime(oid uint32, value []byte, to *time.Time) bool {
	if oid != pgtype.TimestamptzOID || len(value) != 8 {
		return false
	}
	at := int64(be.Uint64(value))
	if at < minTime || at >= endTime {
		return false
	}
	*to = time.UnixMicro(epoch + at)
	return true
}
