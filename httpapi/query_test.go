package httpapi_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// documentedParameters returns the parameters of the query that the document gives to a call.
func documentedParameters(call map[string]any) (names []string) {
	all, _ := call["parameters"].([]any)
	for _, p := range all {
		parameter := p.(map[string]any)
		if ref, ok := parameter["$ref"].(string); ok {
			parameter = described().at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...).(map[string]any)
		}
		if parameter["in"] == "query" {
			names = append(names, parameter["name"].(string))
		}
	}
	return names
}

// eachCall calls visit with every call of the document that needs a key, and with a path at
// which there may be nothing.
func eachCall(visit func(method, path string, parameters []string)) {
	variable := regexp.MustCompile(`\{\w+\}`)
	for pattern, calls := range described().at("paths").(map[string]any) {
		for method, call := range calls.(map[string]any) {
			if method == "parameters" || pattern == "/openapi.json" {
				continue
			}
			path := variable.ReplaceAllString(pattern, "1")
			visit(strings.ToUpper(method), path, documentedParameters(call.(map[string]any)))
		}
	}
}

const noParameter = "there is no such parameter"

func TestQuery_OfEachCallHasNoOtherParametersThanTheDocument(t *testing.T) {
	t.Parallel()
	a := setup(t)
	calls := 0
	eachCall(func(method, path string, parameters []string) {
		calls++
		got := a.call(method, path+"?limti=5&zzzzzzzz=1", "")
		assert.Equal(t, http.StatusUnprocessableEntity, got.status, "%s %s: %s", method, path, got.body)
		message := got.failure(t).Message
		assert.Equal(t, invalid, got.failure(t).Name)
		if len(parameters) == 0 {
			assert.Contains(t, message, `"limti": there is no such parameter: this call takes none`, "%s %s", method, path)
			return
		}
		assert.Contains(t, message, `2 problems: "limti": there is no such parameter: `, "%s %s", method, path)
		if slices.Contains(parameters, "limit") {
			assert.Contains(t, message, `did you mean "limit"?`, "%s %s", method, path)
		}
		_, listed, _ := strings.Cut(message, `"zzzzzzzz": there is no such parameter: the parameters here are `)
		assert.ElementsMatch(t, parameters, strings.Split(listed, ", "), "%s %s", method, path)
	})
	assert.Greater(t, calls, 60)
	assert.NotContains(t, a.log.String(), "request failed")
}

func TestQuery_OfEachCallHasTheParametersOfTheDocument(t *testing.T) {
	t.Parallel()
	a := setup(t)
	eachCall(func(method, path string, parameters []string) {
		for _, name := range parameters {
			assert.NotContains(t, a.call(method, path+"?"+name+"=1", "").body, noParameter, "%s %s?%s", method, path, name)
		}
	})
}

func TestQuery_RefusesAMisspelledParameterBeforeItDoesAnything(t *testing.T) {
	t.Parallel()
	a := setup(t)
	id := a.create()
	a.start("ada@example.com")
	for target, want := range map[string]string{
		"/automations?limti=5":                         `"limti": there is no such parameter: did you mean "limit"?`,
		"/automations?Limit=5":                         `"Limit": there is no such parameter: did you mean "limit"?`,
		"/automations/" + id + "/runs?statuses=failed": `"statuses": there is no such parameter: did you mean "status"?`,
		"/runs?automationId=" + id:                     `"automationId": there is no such parameter: did you mean "automation_id"?`,
		"/runs?=1":                                     `"": there is no such parameter: the parameters here are automation_id, `,
		"/contacts/ada@example.com?limit=1":            `"limit": there is no such parameter: this call takes none`,
	} {
		assert.Contains(t, a.must(http.StatusUnprocessableEntity, "GET", target, "").failure(t).Message, want, target)
		r := a.call("HEAD", target, "")
		assert.Equal(t, http.StatusUnprocessableEntity, r.status, target)
	}
	for _, target := range []string{"/runs/cancel?dry_run=true", "/automations/" + id + "/stop?cancel_runs=true", "/automations?a;b"} {
		a.must(http.StatusUnprocessableEntity, "POST", target, "{}")
	}
	a.must(http.StatusUnprocessableEntity, "DELETE", "/automations/"+id+"?dry_run=true", "")
	a.drain()
	assert.Equal(t, 1, a.cancelRuns(`{"dry_run": true}`).Cancelled, "the run goes on")
}

func TestQuery_MayRepeatWhatIsInThePathAsResendsClientForRubyDoes(t *testing.T) {
	t.Parallel()
	a := setup(t)
	segment := a.must(http.StatusCreated, "POST", "/segments", `{"name": "x"}`).id(t)
	contact := a.must(http.StatusCreated, "POST", "/contacts", `{"email": "ada@example.com"}`).id(t)
	for _, target := range []string{
		"/audiences/" + segment + "/contacts?audience_id=" + segment + "&limit=10",
		"/contacts/" + contact + "/segments?contact_id=" + contact,
		"/contacts/ada@example.com/segments?email=" + url.QueryEscape("ada@example.com"),
	} {
		a.must(http.StatusOK, "GET", target, "")
	}
}

func TestQuery_IsReadOnlyFromCallersWithAKey(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.must(http.StatusForbidden, "GET", "/automations?limti=5", "", "Authorization", "Bearer wrong")
	a.must(http.StatusUnauthorized, "GET", "/automations?limti=5", "", "Authorization", "Bearer "+sendingKey)
	a.must(http.StatusNotFound, "GET", "/nothing?limti=5", "")
	a.must(http.StatusOK, "GET", "/openapi.json?version=2", "")
}
