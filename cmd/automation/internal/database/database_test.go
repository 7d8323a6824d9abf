package database

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTarget_OfAFile(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"automation.db":            "automation.db",
		"./a:b.db":                 "./a:b.db",
		"/var/lib/automation.db":   "/var/lib/automation.db",
		"sqlite:automation.db":     "automation.db",
		"sqlite:///var/lib/app.db": "/var/lib/app.db",
		"sqlite://app.db":          "app.db",
		`C:\data\app.db`:           `C:\data\app.db`,
	} {
		path, err := Target{URL: url}.file()
		require.NoError(t, err, url)
		assert.Equal(t, want, path, url)
	}
	for _, url := range []string{"", "sqlite:", "mysql://host/db", "http://host/db"} {
		_, err := Target{URL: url}.file()
		assert.ErrorIs(t, err, ErrTarget, url)
	}
}

func TestMigrations_WithoutAConnection(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"postgres:", "postgresql://nowhere/", "sqlite:nowhere.db"} {
		all, err := Migrations(Target{URL: url})
		require.NoError(t, err)
		require.NotEmpty(t, all)
		assert.Equal(t, "init", all[0].Name)
	}
	_, err := Migrations(Target{URL: "mysql:"})
	assert.ErrorIs(t, err, ErrTarget)
}
