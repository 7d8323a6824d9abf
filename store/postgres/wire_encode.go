package postgres

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// encoder encodes the arguments of a statement in the binary format of Postgres. It leaves to
// pgx what appendArgument does not know.
type encoder struct {
	types   *pgtype.Map
	values  [][]byte // in memory, nil for NULL
	formats []int16
	memory  []byte
	other   pgx.ExtendedQueryBuilder
}

// minKept and maxKept are how much memory an encoder keeps.
const (
	minKept = 1 << 10
	maxKept = 1 << 20
)

// encode sets the values and formats of the arguments of a statement with parameters of
// these types.
func (e *encoder) encode(types []uint32, args []any) error {
	if e.memory == nil {
		e.memory = make([]byte, 0, minKept) // a value in it is not nil, even if it is empty
	}
	e.values, e.formats, e.memory = e.values[:0], e.formats[:0], e.memory[:0]
	if len(types) != len(args) {
		return fmt.Errorf("%d arguments for %d parameters", len(args), len(types))
	}
	for i, arg := range args {
		if err := e.add(types[i], arg); err != nil {
			return fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	return nil
}

func (e *encoder) add(oid uint32, arg any) error {
	start := len(e.memory)
	memory, as := appendArgument(e.memory, oid, arg)
	switch as {
	case asValue:
		e.memory = memory
		// Not longer than the value, so that nothing else is appended to it.
		e.values, e.formats = append(e.values, memory[start:len(memory):len(memory)]), append(e.formats, pgtype.BinaryFormatCode)
		return nil
	case asNull:
		e.values, e.formats = append(e.values, nil), append(e.formats, pgtype.BinaryFormatCode)
		return nil
	}
	if err := e.other.Build(e.types, &pgconn.StatementDescription{ParamOIDs: []uint32{oid}}, []any{arg}); err != nil {
		return err
	}
	e.values, e.formats = append(e.values, bytes.Clone(e.other.ParamValues[0])), append(e.formats, e.other.ParamFormats[0])
	return nil
}

// trim releases memory that was needed for a large statement.
func (e *encoder) trim() {
	if cap(e.memory) > maxKept {
		e.memory = nil
		clear(e.values)
	}
}

// encoding is how an argument was encoded.
type encoding int

const (
	asUnknown encoding = iota // not at all
	asNull
	asValue
)

// appendArgument appends an argument for a parameter of a type, as pgx encodes it.
func appendArgument(b []byte, oid uint32, arg any) ([]byte, encoding) {
	switch v := arg.(type) {
	case nil:
		return b, asNull
	case string:
		if oid == pgtype.TextOID {
			return appendText(b, v)
		}
	case pgtype.Text:
		if oid == pgtype.TextOID {
			return appendNullableText(b, v)
		}
	case []byte:
		if oid == pgtype.ByteaOID {
			return appendBytes(b, v)
		}
	case ownerKey:
		if oid == pgtype.ByteaOID {
			return appendOwner(b, v)
		}
	case bool:
		if oid == pgtype.BoolOID {
			return appendBool(b, v)
		}
	case int:
		return appendInt(b, oid, int64(v))
	case int16:
		return appendInt(b, oid, int64(v))
	case int32:
		return appendInt(b, oid, int64(v))
	case int64:
		return appendInt(b, oid, v)
	case time.Time:
		if oid == pgtype.TimestamptzOID {
			return appendTime(b, v)
		}
	case pgtype.Timestamptz:
		if oid == pgtype.TimestamptzOID {
			return appendNullableTime(b, v)
		}
	case pgtype.UUID:
		if oid == pgtype.UUIDOID {
			return appendUUID(b, v)
		}
	default:
		return appendArray(b, oid, arg)
	}
	return b, asUnknown
}

func appendArray(b []byte, oid uint32, arg any) ([]byte, encoding) {
	switch v := arg.(type) {
	case []string:
		if oid == pgtype.TextArrayOID {
			return appendElements(b, pgtype.TextOID, v, appendText)
		}
	case pgtype.FlatArray[pgtype.Text]:
		if oid == pgtype.TextArrayOID {
			return appendElements(b, pgtype.TextOID, v, appendNullableText)
		}
	case [][]byte:
		if oid == pgtype.ByteaArrayOID {
			return appendElements(b, pgtype.ByteaOID, v, appendBytes)
		}
	case owners:
		if oid == pgtype.ByteaArrayOID {
			return appendElements(b, pgtype.ByteaOID, v, appendOwner)
		}
	case []bool:
		if oid == pgtype.BoolArrayOID {
			return appendElements(b, pgtype.BoolOID, v, appendBool)
		}
	case pgtype.FlatArray[pgtype.Bool]:
		if oid == pgtype.BoolArrayOID {
			return appendElements(b, pgtype.BoolOID, v, appendNullableBool)
		}
	case []int16:
		if oid == pgtype.Int2ArrayOID {
			return appendElements(b, pgtype.Int2OID, v, appendInt2)
		}
	case []int32:
		if oid == pgtype.Int4ArrayOID {
			return appendElements(b, pgtype.Int4OID, v, appendInt4)
		}
	case pgtype.FlatArray[pgtype.Int4]:
		if oid == pgtype.Int4ArrayOID {
			return appendElements(b, pgtype.Int4OID, v, appendNullableInt)
		}
	case []int64:
		if oid == pgtype.Int8ArrayOID {
			return appendElements(b, pgtype.Int8OID, v, appendInt8)
		}
	case []time.Time:
		if oid == pgtype.TimestamptzArrayOID {
			return appendElements(b, pgtype.TimestamptzOID, v, appendTime)
		}
	case pgtype.FlatArray[pgtype.Timestamptz]:
		if oid == pgtype.TimestamptzArrayOID {
			return appendElements(b, pgtype.TimestamptzOID, v, appendNullableTime)
		}
	case uuids:
		if oid == pgtype.UUIDArrayOID {
			return appendElements(b, pgtype.UUIDOID, v, appendUUID)
		}
	}
	return b, asUnknown
}

// appendElements appends an array of one dimension.
func appendElements[T any](b []byte, oid uint32, elements []T, appendTo func(b []byte, v T) ([]byte, encoding)) ([]byte, encoding) {
	if elements == nil {
		return b, asNull
	}
	start := len(b)
	const dimensions, noNulls, anyNull, lowerBound = 1, 0, 1, 1
	b = be.AppendUint32(b, dimensions)
	b = be.AppendUint32(b, noNulls)
	b = be.AppendUint32(b, oid)
	b = be.AppendUint32(b, uint32(len(elements)))
	b = be.AppendUint32(b, lowerBound)
	for i := range elements {
		at := len(b)
		b = be.AppendUint32(b, math.MaxUint32) // the length of NULL
		var as encoding
		switch b, as = appendTo(b, elements[i]); as {
		case asValue:
			be.PutUint32(b[at:], uint32(len(b)-at-4))
		case asNull:
			be.PutUint32(b[start+4:], anyNull)
		case asUnknown:
			return b[:start], asUnknown
		}
	}
	return b, asValue
}

var be = binary.BigEndian

func appendText(b []byte, v string) ([]byte, encoding) { return append(b, v...), asValue }

func appendNullableText(b []byte, v pgtype.Text) ([]byte, encoding) {
	if !v.Valid {
		return b, asNull
	}
	return append(b, v.String...), asValue
}

func appendBytes(b []byte, v []byte) ([]byte, encoding) {
	if v == nil {
		return b, asNull
	}
	return append(b, v...), asValue
}

func appendOwner(b []byte, v ownerKey) ([]byte, encoding) { return append(b, v...), asValue }

func appendBool(b []byte, v bool) ([]byte, encoding) {
	if v {
		return append(b, 1), asValue
	}
	return append(b, 0), asValue
}

func appendNullableBool(b []byte, v pgtype.Bool) ([]byte, encoding) {
	if !v.Valid {
		return b, asNull
	}
	return appendBool(b, v.Bool)
}

func appendInt2(b []byte, v int16) ([]byte, encoding) { return be.AppendUint16(b, uint16(v)), asValue }

func appendInt4(b []byte, v int32) ([]byte, encoding) { return be.AppendUint32(b, uint32(v)), asValue }

func appendInt8(b []byte, v int64) ([]byte, encoding) { return be.AppendUint64(b, uint64(v)), asValue }

func appendNullableInt(b []byte, v pgtype.Int4) ([]byte, encoding) {
	if !v.Valid {
		return b, asNull
	}
	return appendInt4(b, v.Int32)
}

// appendInt appends an integer for a parameter of any width that has room for it.
func appendInt(b []byte, oid uint32, v int64) ([]byte, encoding) {
	switch {
	case oid == pgtype.Int2OID && int64(int16(v)) == v:
		return appendInt2(b, int16(v))
	case oid == pgtype.Int4OID && int64(int32(v)) == v:
		return appendInt4(b, int32(v))
	case oid == pgtype.Int8OID:
		return appendInt8(b, v)
	default:
		return b, asUnknown
	}
}

// epoch is the beginning of 2000, from which Postgres counts, in microseconds since the
// beginning of 1970.
const epoch = 946_684_800_000_000

func appendTime(b []byte, v time.Time) ([]byte, encoding) { return appendInt8(b, v.UnixMicro()-epoch) }

func appendNullableTime(b []byte, v pgtype.Timestamptz) ([]byte, encoding) {
	switch {
	case !v.Valid:
		return b, asNull
	case v.InfinityModifier != pgtype.Finite:
		return b, asUnknown
	default:
		return appendTime(b, v.Time)
	}
}

func appendUUID(b []byte, v pgtype.UUID) ([]byte, encoding) {
	if !v.Valid {
		return b, asNull
	}
	return append(b, v.Bytes[:]...), asValue
}
