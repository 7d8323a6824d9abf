package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A client that does not know the window of an email drops it. Such a change is refused, unless
// the caller asks for it, and the other emails may change.
func TestSteps_EmailKeepsItsWindow(t *testing.T) {
	t.Parallel()
	a := setup(t)
	id := a.must(http.StatusCreated, "POST", "/automations", `{"name": "Moments", `+moments+`}`).id(t)
	path := "/automations/" + id
	read := func() string { return a.must(http.StatusOK, "GET", path, "").body }
	before := read()
	const window = `, "window": {"hours": [{"from": "09:00", "to": "24:00"}]}`
	require.Contains(t, moments, window)
	without := "{" + strings.Replace(moments, window, "", 1) + "}"

	got := a.must(http.StatusUnprocessableEntity, "PATCH", path, without)
	assert.Contains(t, got.body, "steps[4].config.window: the change would take the window from the email")
	a.must(http.StatusUnprocessableEntity, "PATCH", path+"?replace=false", without)
	a.must(http.StatusUnprocessableEntity, "PATCH", path+"?replace=yes", without)
	assert.Equal(t, before, read())

	a.must(http.StatusOK, "PATCH", path, "{"+strings.Replace(moments, `"to": "24:00"`, `"to": "22:00"`, 1)+"}")
	assert.Contains(t, read(), `"to":"22:00"`)
	a.must(http.StatusOK, "PATCH", path, strings.ReplaceAll(without, `"hello"`, `"other"`))
	a.must(http.StatusOK, "PATCH", path, "{"+moments+"}")
	a.must(http.StatusOK, "PATCH", path+"?replace=true", without)
	assert.NotContains(t, read(), `"window":{"hours"`)
	a.must(http.StatusOK, "PATCH", path, without)
	a.must(http.StatusNotFound, "PATCH", "/automations/none", without)
}
