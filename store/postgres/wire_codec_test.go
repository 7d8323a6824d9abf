package postgres

import (
	"reflect"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// times are from all years that Postgres has, except a few at the end of its range.
func times() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		seconds := rapid.OneOf(rapid.Int64Range(-62_135_596_800, 253_402_300_799), rapid.Int64Range(-210_000_000_000, 9_000_000_000_000)).Draw(t, "seconds")
		at := time.Unix(seconds, rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"))
		return rapid.SampledFrom([]time.Time{at, at.UTC(), {}}).Draw(t, "time")
	})
}

// texts may be invalid UTF-8, and may contain NUL. The server refuses them, whoever sends them.
func texts() *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
}

func nullables[T any](element *rapid.Generator[T], null T) *rapid.Generator[any] {
	return rapid.Map(slicesOf(rapid.OneOf(rapid.Just(null), element)), func(s []T) any { return pgtype.FlatArray[T](s) })
}

// slicesOf makes slices that are nil, empty, or neither.
func slicesOf[T any](element *rapid.Generator[T]) *rapid.Generator[[]T] {
	return rapid.OneOf(rapid.Just[[]T](nil), rapid.Just([]T{}), rapid.SliceOfN(element, 1, 5))
}

func values[T any](g *rapid.Generator[T]) *rapid.Generator[any] {
	return rapid.Map(g, func(v T) any { return v })
}

func arrays[T any](element *rapid.Generator[T]) *rapid.Generator[any] {
	return values(slicesOf(element))
}

var (
	ownerKeys    = rapid.Map(texts(), func(v string) ownerKey { return ownerKey(v) })
	nullableText = rapid.Map(texts(), func(v string) pgtype.Text { return pgtype.Text{String: v, Valid: true} })
	nullableBool = rapid.Map(rapid.Bool(), func(v bool) pgtype.Bool { return pgtype.Bool{Bool: v, Valid: true} })
	nullableInt  = rapid.Map(rapid.Int32(), func(v int32) pgtype.Int4 { return pgtype.Int4{Int32: v, Valid: true} })
	nullableTime = rapid.Map(times(), func(v time.Time) pgtype.Timestamptz { return pgtype.Timestamptz{Time: v, Valid: true} })
	infinity     = rapid.SampledFrom([]pgtype.Timestamptz{{InfinityModifier: pgtype.Infinity, Valid: true}, {InfinityModifier: pgtype.NegativeInfinity, Valid: true}})
	uuidBytes    = rapid.Map(rapid.SliceOfN(rapid.Byte(), 16, 16), func(b []byte) [16]byte { return [16]byte(b) })
	nullableUUID = rapid.OneOf(rapid.Just(pgtype.UUID{}), rapid.Map(uuidBytes, func(b [16]byte) pgtype.UUID { return pgtype.UUID{Bytes: b, Valid: true} }))
)

// arguments are the types of arguments of this package, by types of parameters.
var arguments = []struct {
	name      string
	oid       uint32
	values    *rapid.Generator[any]
	leftToPgx bool // some of them
}{
	{"null text", pgtype.TextOID, rapid.Just[any](nil), false},
	{"null array", pgtype.TextArrayOID, rapid.Just[any](nil), false},
	{"text", pgtype.TextOID, values(texts()), false},
	{"nullable text", pgtype.TextOID, values(rapid.OneOf(rapid.Just(pgtype.Text{}), nullableText)), false},
	{"texts", pgtype.TextArrayOID, arrays(texts()), false},
	{"nullable texts", pgtype.TextArrayOID, nullables(nullableText, pgtype.Text{}), false},
	{"bytes", pgtype.ByteaOID, arrays(rapid.Byte()), false},
	{"arrays of bytes", pgtype.ByteaArrayOID, arrays(slicesOf(rapid.Byte())), false},
	{"owner", pgtype.ByteaOID, values(ownerKeys), false},
	{"owners", pgtype.ByteaArrayOID, rapid.Map(slicesOf(ownerKeys), func(s []ownerKey) any { return owners(append([]ownerKey{}, s...)) }), false},
	{"bool", pgtype.BoolOID, values(rapid.Bool()), false},
	{"bools", pgtype.BoolArrayOID, arrays(rapid.Bool()), false},
	{"nullable bools", pgtype.BoolArrayOID, nullables(nullableBool, pgtype.Bool{}), false},
	{"int for smallint", pgtype.Int2OID, values(rapid.IntRange(-40_000, 40_000)), true},
	{"int for int", pgtype.Int4OID, values(rapid.Int()), true},
	{"int for bigint", pgtype.Int8OID, values(rapid.Int()), false},
	{"int16 for smallint", pgtype.Int2OID, values(rapid.Int16()), false},
	{"int32 for int", pgtype.Int4OID, values(rapid.Int32()), false},
	{"int32 for smallint", pgtype.Int2OID, values(rapid.Int32()), true},
	{"int64 for bigint", pgtype.Int8OID, values(rapid.Int64()), false},
	{"int64 for int", pgtype.Int4OID, values(rapid.Int64()), true},
	{"int16s", pgtype.Int2ArrayOID, arrays(rapid.Int16()), false},
	{"int32s", pgtype.Int4ArrayOID, arrays(rapid.Int32()), false},
	{"nullable ints", pgtype.Int4ArrayOID, nullables(nullableInt, pgtype.Int4{}), false},
	{"int64s", pgtype.Int8ArrayOID, arrays(rapid.Int64()), false},
	{"time", pgtype.TimestamptzOID, values(times()), false},
	{"nullable time", pgtype.TimestamptzOID, values(rapid.OneOf(rapid.Just(pgtype.Timestamptz{}), nullableTime)), false},
	{"infinite time", pgtype.TimestamptzOID, values(infinity), true},
	{"times", pgtype.TimestamptzArrayOID, arrays(times()), false},
	{"nullable times", pgtype.TimestamptzArrayOID, nullables(nullableTime, pgtype.Timestamptz{}), false},
	{"infinite times", pgtype.TimestamptzArrayOID, nullables(rapid.OneOf(infinity, nullableTime), pgtype.Timestamptz{}), true},
	{"uuid", pgtype.UUIDOID, values(nullableUUID), false},
	{"uuids", pgtype.UUIDArrayOID, rapid.Map(slicesOf(nullableUUID), func(s []pgtype.UUID) any { return uuids(s) }), false},
	{"text for uuid", pgtype.UUIDOID, values(rapid.Just("0195a3c0-7d00-7000-8000-00000000000a")), true},
	{"int32s for bigints", pgtype.Int8ArrayOID, arrays(rapid.Int32()), true},
	{"json", pgtype.JSONOID, values(rapid.Just(map[string]int{"a": 1})), true},
}

func TestEncoder_EncodesAsPgxDoes(t *testing.T) {
	t.Parallel()
	for _, a := range arguments {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				types := pgtype.NewMap()
				var want pgx.ExtendedQueryBuilder
				v := a.values.Draw(t, "value")
				// The second argument must leave the first one as it is.
				oids, args := []uint32{a.oid, pgtype.TextArrayOID}, []any{v, []string{"a", "b"}}
				wantErr := want.Build(types, &pgconn.StatementDescription{ParamOIDs: oids}, pgxArgs(args))
				e := encoder{types: types}
				err := e.encode(oids, args)
				if wantErr != nil {
					require.Error(t, err)
					require.Contains(t, wantErr.Error(), "args[0]")
					require.ErrorContains(t, err, "argument 1: ")
					return
				}
				require.NoError(t, err)
				require.Equal(t, want.ParamValues, e.values)
				if a.leftToPgx {
					require.Equal(t, want.ParamFormats, e.formats)
					return
				}
				_, as := appendArgument(nil, a.oid, v)
				require.NotEqual(t, asUnknown, as)
				// The text format of a text is its binary format.
				require.Equal(t, []int16{pgx.BinaryFormatCode, pgx.BinaryFormatCode}, e.formats)
			})
		})
	}
}

func TestEncoder_CountsArguments(t *testing.T) {
	t.Parallel()
	e := encoder{types: pgtype.NewMap()}
	require.Error(t, e.encode([]uint32{pgtype.TextOID}, nil))
	require.Error(t, e.encode(nil, []any{1}))
}

func TestEncoder_KeepsLittleMemory(t *testing.T) {
	t.Parallel()
	e := encoder{types: pgtype.NewMap()}
	require.NoError(t, e.encode([]uint32{pgtype.ByteaOID}, []any{make([]byte, maxKept/2)}))
	e.trim()
	assert.NotZero(t, cap(e.memory))
	require.NoError(t, e.encode([]uint32{pgtype.ByteaOID}, []any{make([]byte, 2*maxKept)}))
	e.trim()
	assert.Zero(t, cap(e.memory))
}

// columns are types of columns, with values that the server may send, and the variables of
// this package for them.
var columns = []struct {
	name   string
	oid    uint32
	values *rapid.Generator[any]
	into   []any // pointers to zero values
}{
	{"text", pgtype.TextOID, values(texts()), []any{new(string), new(pgtype.Text), new([]byte)}},
	{"bytea", pgtype.ByteaOID, values(rapid.SliceOf(rapid.Byte())), []any{new([]byte), new(ownerKey)}},
	{"boolean", pgtype.BoolOID, values(rapid.Bool()), []any{new(bool)}},
	{"smallint", pgtype.Int2OID, values(rapid.Int16()), []any{new(int), new(int16), new(int32), new(int64), new(pgtype.Int4), new(pgtype.Int8)}},
	{"int", pgtype.Int4OID, values(rapid.Int32()), []any{new(int), new(int32), new(int64), new(pgtype.Int4), new(pgtype.Int8)}},
	{"bigint", pgtype.Int8OID, values(rapid.Int64()), []any{new(int), new(int64), new(pgtype.Int8)}},
	{"timestamptz", pgtype.TimestamptzOID, values(times()), []any{new(time.Time), new(pgtype.Timestamptz)}},
	{"uuid", pgtype.UUIDOID, values(uuidBytes), []any{new(string), new(pgtype.Text)}},
}

func TestDecoder_DecodesAsPgxDoes(t *testing.T) {
	t.Parallel()
	for _, c := range columns {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				v := c.values.Draw(t, "value")
				value, err := pgtype.NewMap().Encode(c.oid, pgx.BinaryFormatCode, v, []byte{})
				require.NoError(t, err)
				for _, into := range c.into {
					at, isTime := v.(time.Time)
					if known := requireSameScan(t, c.oid, value, into); !isTime || at.Year() >= 1 && at.Year() <= 9999 {
						require.True(t, known, "%T", into)
					}
				}
			})
		})
	}
}

// TestDecoder_RefusesWhatPgxRefuses decodes any bytes, and NULL, from columns of any type into
// variables of any type.
func TestDecoder_RefusesWhatPgxRefuses(t *testing.T) {
	t.Parallel()
	var oids []uint32
	var variables []any
	for _, c := range columns {
		oids, variables = append(oids, c.oid), append(variables, c.into...)
	}
	oids = append(oids, pgtype.VarcharOID, pgtype.NameOID, pgtype.Float8OID, pgtype.TextArrayOID)
	variables = append(variables, new([]string), new(*string), new(float64), new(any))
	rapid.Check(t, func(t *rapid.T) {
		bytes := rapid.OneOf(
			rapid.SliceOfN(rapid.Byte(), 0, 17), rapid.Just[[]byte](nil),
			rapid.SampledFrom([][]byte{be.AppendUint64(nil, 1<<63), be.AppendUint64(nil, 1<<63-1)}), // infinity
		).Draw(t, "value")
		requireSameScan(t, rapid.SampledFrom(oids).Draw(t, "type"), bytes, rapid.SampledFrom(variables).Draw(t, "variable"))
	})
}

// requireSameScan scans a value into a new variable of a type, and reports whether decode knows
// how to. If so, pgx scans the same.
func requireSameScan(t *rapid.T, oid uint32, value []byte, variable any) (known bool) {
	got, want := reflect.New(reflect.TypeOf(variable).Elem()), reflect.New(reflect.TypeOf(variable).Elem())
	if !decode(oid, value, got.Interface()) {
		return false
	}
	require.NoError(t, pgtype.NewMap().Scan(oid, pgx.BinaryFormatCode, value, want.Interface()), "%T", variable)
	require.Equal(t, want.Interface(), got.Interface())
	return true
}

// newDecoder returns a decoder of a row with one column, in the binary format.
func newDecoder(oid uint32, value []byte) decoder {
	st := &preparedStatement{formats: []int16{pgx.BinaryFormatCode}}
	st.Fields = []pgconn.FieldDescription{{Name: "c", DataTypeOID: oid}}
	return decoder{types: pgtype.NewMap(), columns: st, values: [][]byte{value}}
}

func TestDecoder_LeavesOtherTypesToPgx(t *testing.T) {
	t.Parallel()
	value, err := pgtype.NewMap().Encode(pgtype.TextArrayOID, pgx.BinaryFormatCode, []string{"a", "b"}, nil)
	require.NoError(t, err)
	d := newDecoder(pgtype.TextArrayOID, value)
	var texts []string
	require.NoError(t, d.scanRow(&texts))
	assert.Equal(t, []string{"a", "b"}, texts)
	d = newDecoder(pgtype.TextOID, nil)
	require.ErrorContains(t, d.scanRow(new(string)), `column "c": cannot scan NULL`)
	d = newDecoder(pgtype.Int4OID, be.AppendUint32(nil, 70_000))
	require.ErrorContains(t, d.scanRow(new(int16)), `column "c": `)
}

func TestDecoder_CountsColumns(t *testing.T) {
	t.Parallel()
	d := newDecoder(pgtype.TextOID, nil)
	require.Error(t, d.scanRow())
	require.Error(t, d.scanRow(new(string), new(string)))
}
