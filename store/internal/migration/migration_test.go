package migration_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/migration"
)

func files(texts map[string]string) fstest.MapFS {
	all := fstest.MapFS{}
	for name, text := range texts {
		all[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return all
}

func asIs(m migration.Migration) string { return m.SQL }

func TestRead_InOrderWithFloors(t *testing.T) {
	t.Parallel()
	all, err := migration.Read(files(map[string]string{
		"0002_speed.sql": "-- floor: 1\nCREATE INDEX x;",
		"0001_init.sql":  "CREATE TABLE t;",
	}), func(m migration.Migration) string { return m.SQL + " -- " + m.Name })
	require.NoError(t, err)
	assert.Equal(t, []migration.Migration{
		{Number: 1, Name: "init", SQL: "CREATE TABLE t; -- init", Floor: 1},
		{Number: 2, Name: "speed", SQL: "-- floor: 1\nCREATE INDEX x; -- speed", Floor: 1},
	}, all)
}

func TestRead_RefusesGapsAndOtherNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"0002_init.sql", "init.sql", "0001_init.txt"} {
		_, err := migration.Read(files(map[string]string{name: ""}), asIs)
		assert.ErrorContains(t, err, name)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	known := []migration.Migration{{Number: 1, Floor: 1}, {Number: 2, Floor: 1}}
	tests := []struct {
		name        string
		have, floor int
		message     string
	}{
		{"the same", 2, 1, ""},
		{"nothing yet", 0, 0, "apply the SQL of Migrations from number 1 on"},
		{"older", 1, 1, "call Migrate"},
		{"newer, that this process can bear", 4, 2, ""},
		{"newer", 4, 3, "upgrade it to a release of the library that knows 3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := migration.Check(known, tt.have, tt.floor)
			if tt.message == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, automation.ErrSchema)
			assert.ErrorContains(t, err, tt.message)
		})
	}
}
