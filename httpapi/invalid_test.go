package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
)

// The names of the errors of invalidRequests.
const (
	invalid = "validation_error"
	missing = "missing_required_field"
)

// graph is the graph of a valid automation.
const graph = `"steps": [{"key": "start", "type": "trigger", "config": {"event_name": "x"}}], "connections": []`

// invalidRequests are requests that are answered with 4xx and change nothing.
var invalidRequests = map[string]struct {
	method, path, body string
	status             int
	name               string
	message            string // or a part of it
}{
	"no body":                   {"POST", "/automations", ``, 400, invalid, "the body is not JSON: it is empty"},
	"not JSON":                  {"POST", "/events", `{"name": x}`, 400, invalid, "the body is not JSON: line 1, column 10: found 'x'"},
	"not UTF-8":                 {"POST", "/events", "{\"name\": \"\xff\"}", 400, invalid, "not valid UTF-8"},
	"more than one document":    {"POST", "/events/send", `{"event": "x", "email": "a@example.com"} {}`, 400, invalid, "there is more after the end of the document"},
	"half a surrogate pair":     {"POST", "/automations", `{"name": "\ud83d", ` + graph + `}`, 400, invalid, "escape"},
	"too deep":                  {"POST", "/events/send", strings.Repeat(`[`, 20_000) + strings.Repeat(`]`, 20_000), 400, invalid, "nested more than 10000 deep"},
	"array":                     {"POST", "/events/send", `[1]`, 422, invalid, "must be an object, not an array"},
	"array of an automation":    {"POST", "/automations", `[]`, 422, invalid, "must be an object, not an array"},
	"null":                      {"POST", "/events", `null`, 422, invalid, "must be an object, not null"},
	"unknown field":             {"POST", "/events/send", `{"event": "x", "email": "a@example.com", "evnet": 1}`, 422, invalid, "evnet: there is no such field: the fields here are event, contact_id, email, payload"},
	"field in other case":       {"POST", "/events/send", `{"Event": "x", "event": "x", "email": "a@example.com"}`, 422, invalid, "Event: there is no such field"},
	"duplicate key":             {"POST", "/events", `{"name": "x", "name": "y"}`, 422, invalid, "name: the object has this key more than once"},
	"duplicate key below":       {"POST", "/events/send", `{"event": "x", "email": "a@example.com", "payload": {"a": 1, "a": 2}}`, 422, invalid, "payload.a"},
	"wrong type":                {"POST", "/events/send", `{"event": 7, "email": true}`, 422, invalid, "2 problems: event: must be a string, not a number; email: must be a string, not a boolean"},
	"event: missing":            {"POST", "/events/send", `{"email": "a@example.com"}`, 422, missing, "event: is required"},
	"event: null":               {"POST", "/events/send", `{"event": null, "email": "a@example.com"}`, 422, missing, "event: is required"},
	"event: empty":              {"POST", "/events/send", `{"event": "", "email": "a@example.com"}`, 422, invalid, "event: must not be empty"},
	"event: reserved":           {"POST", "/events/send", `{"event": "resend:x", "email": "a@example.com"}`, 422, invalid, `event: must not begin with "resend:": these events, which report what became of an email, are not supported yet`},
	"contact: none":             {"POST", "/events/send", `{"event": "x", "contact_id": null}`, 422, missing, "a contact_id or an email is required"},
	"contact: both":             {"POST", "/events/send", `{"event": "x", "email": "a@example.com", "contact_id": "c"}`, 422, invalid, "not both"},
	"contact: unknown":          {"POST", "/events/send", `{"event": "x", "contact_id": "c"}`, 404, "not_found", `there is no contact "c"`},
	"email: malformed":          {"POST", "/events/send", `{"event": "x", "email": "Ada <a@example.com>"}`, 422, invalid, "email: "},
	"payload: array":            {"POST", "/events/send", `{"event": "x", "email": "a@example.com", "payload": [1]}`, 422, invalid, "payload: "},
	"payload: text":             {"POST", "/events/send", `{"event": "x", "email": "a@example.com", "payload": "x"}`, 422, invalid, "payload: "},
	"payload: too long":         {"POST", "/events/send", `{"event": "x", "email": "a@example.com", "payload": {"x": "` + strings.Repeat("x", 300<<10) + `"}}`, 422, invalid, "payload: "},
	"body: too long":            {"POST", "/events/send", `{"event": "` + strings.Repeat("x", 1<<20) + `"}`, 413, invalid, "at most 1048576 bytes"},
	"definition: no name":       {"POST", "/events", `{}`, 422, missing, "name: is required"},
	"definition: schema":        {"POST", "/events", `{"name": "x", "schema": {"plan": "strnig"}}`, 422, invalid, "schema.plan"},
	"definition: schema's type": {"POST", "/events", `{"name": "x", "schema": 5}`, 422, invalid, "schema: "},
	"redefinition: no schema":   {"PATCH", "/events/x", `{}`, 422, missing, "schema: is required; null clears it"},
	"redefinition: unknown":     {"PATCH", "/events/x", `{"schema": null}`, 404, "not_found", `there is no event "x"`},
	"definition: delete none":   {"DELETE", "/events/x", ``, 404, "not_found", `there is no event "x"`},
	"automation: nothing":       {"POST", "/automations", `{}`, 422, missing, "2 problems: name: "},
	"automation: no name":       {"POST", "/automations", `{` + graph + `}`, 422, missing, "name: "},
	"automation: id":            {"POST", "/automations", `{"id": "mine", "name": "x", ` + graph + `}`, 422, invalid, "id: is given by the server"},
	"automation: as it is read": {"PATCH", "/automations/{id}", `{"object": "automation", "id": "{id}", "name": "x", "created_at": "x"}`, 422, invalid, "3 problems: object: is given by the server: leave it out; id: "},
	"automation: unknown field": {"POST", "/automations", `{"name": "x", "setps": []}`, 422, invalid, `setps: there is no field "setps": did you mean "steps"?`},
	"automation: repeated key":  {"POST", "/automations", `{"name": "x", "steps": [{"key": "a", "key": "b", "type": "trigger"}]}`, 422, invalid, "steps[0].key"},
	"automation: wrong type":    {"POST", "/automations", `{"name": "x", "steps": [{"key": "a", "type": "trigger", "config": {"event_name": 5}}]}`, 422, invalid, "steps[0].config.event_name: must be a string, not a number"},
	"automation: step type":     {"POST", "/automations", `{"name": "x", "steps": [{"key": "a", "type": "triger", "config": {}}]}`, 422, invalid, `step type "triger" is unknown: did you mean "trigger"?`},
	"automation: empty config":  {"POST", "/automations", `{"name": "x", "steps": [{"key": "start", "type": "trigger", "config": {"event_name": "x"}}, {"key": "mail", "type": "send_email", "config": {}}], "connections": [{"from": "start", "to": "mail"}]}`, 422, missing, `steps[1].config.template.id: step "mail": the template's id is missing`},
	"automation: no event":      {"POST", "/automations", `{"name": "x", "steps": [{"key": "start", "type": "trigger", "config": null}]}`, 422, missing, `steps[0].config.event_name: step "start": the event name is missing`},
	"automation: status":        {"POST", "/automations", `{"name": "x", "status": "on", ` + graph + `}`, 422, invalid, `"on" is unknown`},
	"update: nothing":           {"PATCH", "/automations/{id}", `{}`, 422, missing, "an update needs a name, a status, a retry policy, an entry, an exit, or steps and connections"},
	"update: nulls":             {"PATCH", "/automations/{id}", `{"name": null, "steps": null}`, 422, missing, "an update needs a name"},
	"update: steps alone":       {"PATCH", "/automations/{id}", `{"steps": []}`, 422, missing, "steps and connections are updated together"},
	"update: empty graph":       {"PATCH", "/automations/{id}", `{"steps": [], "connections": []}`, 422, invalid, "no step starts a run"},
	"update: empty name":        {"PATCH", "/automations/{id}", `{"name": ""}`, 422, invalid, "name: "},
	"update: empty status":      {"PATCH", "/automations/{id}", `{"status": ""}`, 422, invalid, "status: "},
	"update: revision 0":        {"PATCH", "/automations/{id}", `{"name": "x", "revision": 0}`, 422, invalid, "revision: must be the revision of the automation as it was read"},
	"update: revision":          {"PATCH", "/automations/{id}", `{"name": "x", "revision": "1"}`, 422, invalid, "revision: must be "},
	"update: revision alone":    {"PATCH", "/automations/{id}", `{"revision": 1}`, 422, missing, "an update needs a name"},
	"create: revision":          {"POST", "/automations", `{"name": "x", "revision": 1, ` + graph + `}`, 422, invalid, "revision: is given by the server"},
	"update: unknown":           {"PATCH", "/automations/x", `{"name": "x"}`, 404, "not_found", `there is no automation "x"`},
	"delete: unknown":           {"DELETE", "/automations/x", ``, 404, "not_found", `there is no automation "x"`},
	"duplicate: unknown":        {"POST", "/automations/x/duplicate", ``, 404, "not_found", `there is no automation "x"`},
	"duplicate: field":          {"POST", "/automations/{id}/duplicate", `{"name": "x"}`, 422, invalid, "name: there is no such field: this call takes none"},
	"stop: unknown":             {"POST", "/automations/x/stop", ``, 404, "not_found", `there is no automation "x"`},
	"stop: wrong type":          {"POST", "/automations/{id}/stop", `{"cancel_runs": "yes"}`, 422, invalid, "cancel_runs: must be a boolean, not a string"},
	"stop: not JSON":            {"POST", "/automations/{id}/stop", `yes`, 400, invalid, "the body is not JSON"},
	"validate: not JSON":        {"POST", "/automations/validate", `{`, 400, invalid, "the body is not JSON"},
	"validate: too long":        {"POST", "/automations/validate", strings.Repeat(" ", 1<<20+1), 413, invalid, "at most 1048576 bytes"},
	"cancel: field":             {"POST", "/automations/{id}/runs/x/cancel", `{"x": 1}`, 422, invalid, "x: there is no such field"},
	"list: limit 0":             {"GET", "/automations?limit=0", ``, 422, invalid, "limit: must be a whole number between 1 and 100"},
	"list: limit 101":           {"GET", "/events?limit=101", ``, 422, invalid, "limit: "},
	"list: limit x":             {"GET", "/contacts?limit=x", ``, 422, invalid, "limit: "},
	"list: both cursors":        {"GET", "/events?after=a&before=b", ``, 422, invalid, "before: cannot be used together with after"},
	"list: after nothing":       {"GET", "/automations?after=x", ``, 422, invalid, `after: there is nothing with the id "x" in this list`},
	"list: before nothing":      {"GET", "/automations/{id}/runs?before=x", ``, 422, invalid, `before: there is nothing`},
	"events: after nothing":     {"GET", "/events?after=x", ``, 422, invalid, `after: `},
	"contacts: after nothing":   {"GET", "/contacts?after=x", ``, 422, invalid, `after: `},
	"contact runs: after":       {"GET", "/contacts/ada@example.com/runs?after=x", ``, 422, invalid, `after: `},
	"contact runs: limit":       {"GET", "/contacts/ada@example.com/runs?limit=x", ``, 422, invalid, `limit: `},
	"contact runs: unknown":     {"GET", "/contacts/x/runs", ``, 404, "not_found", `there is no contact "x"`},
	"runs: after":               {"GET", "/runs?after=x", ``, 422, invalid, `after: `},
	"all runs: status":          {"GET", "/runs?status=x", ``, 422, invalid, `status: `},
	"runs: version":             {"GET", "/runs?version=0", ``, 422, invalid, `version: must be a whole number, 1 or more`},
	"runs: time":                {"GET", "/runs?completed_from=today", ``, 422, invalid, `completed_from: must be a time`},
	"runs: both times":          {"GET", "/runs?completed_from=2026-03-02T09:00:00Z&created_until=2026-03-02T09:00:00Z", ``, 422, invalid, `leave out one of the two ranges`},
	"retry: both times":         {"POST", "/runs/retry", `{"completed_from": "2026-03-02T09:00:00Z", "created_from": "2026-03-02T09:00:00Z"}`, 422, invalid, `leave out one of the two ranges`},
	"list: cursor not a text":   {"GET", "/automations?after=%00", ``, 422, invalid, `"after": is not a text`},
	"list: malformed query":     {"GET", "/automations?limit=%zz", ``, 422, invalid, "the query of the URL is malformed"},
	"runs: malformed query":     {"GET", "/automations/{id}/runs?a;b", ``, 422, invalid, "the query of the URL is malformed"},
	"events: malformed query":   {"GET", "/events?a;b", ``, 422, invalid, "the query of the URL is malformed"},
	"contacts: malformed query": {"GET", "/contacts?a;b", ``, 422, invalid, "the query of the URL is malformed"},
	"automations: status":       {"GET", "/automations?status=on", ``, 422, invalid, `status: "on" is unknown: use "enabled" or "disabled"`},
	"automations: statuses":     {"GET", "/automations?status=enabled,disabled", ``, 422, invalid, "status: takes one status here"},
	"runs: status":              {"GET", "/automations/{id}/runs?status=running,,failed", ``, 422, invalid, `status: "" is unknown`},
	"runs: unknown automation":  {"GET", "/automations/x/runs", ``, 404, "not_found", `there is no automation "x"`},
	"metrics: unknown":          {"GET", "/automations/x/metrics", ``, 404, "not_found", `there is no automation "x"`},
	"contact: no email":         {"POST", "/contacts", `{"first_name": "Ada"}`, 422, missing, "email: is required"},
	"contact: invalid":          {"POST", "/contacts", `{"email": "x", "first_name": "a\nb"}`, 422, invalid, "2 problems: email: "},
	"contact: property":         {"POST", "/contacts", `{"email": "b@example.com", "properties": {"a": {"type": "string"}, "b": [1]}}`, 422, invalid, "2 problems: properties.a.value: is required; properties.b: must be a string, a number, a boolean, null, or an object with a type and a value, not an array"},
	"contact: property type":    {"POST", "/contacts", `{"email": "b@example.com", "properties": {"a": {"type": "number", "value": "5"}, "b": {"type": "date", "value": "x"}, "c": {"value": {}}}}`, 422, invalid, "3 problems: properties.a.value: must be a number, not a string; properties.b.type: must be string, number or boolean; properties.c.value: must be a string, a number, a boolean or null, not an object"},
	"contact: properties":       {"POST", "/contacts", `{"email": "b@example.com", "properties": [1]}`, 422, invalid, "properties: must be an object, not an array"},
	"contact: segments":         {"POST", "/contacts", `{"email": "b@example.com", "segments": {}}`, 422, invalid, "segments: must be an array, not an object"},
	"contact: segment":          {"POST", "/contacts", `{"email": "b@example.com", "segments": ["a", 5, {"id": 7}, {}, {"name": "x"}]}`, 422, invalid, "segments[1]: must be a string or an object with an id, not a number; segments[2].id: must be a string"},
	"contact: delete none":      {"DELETE", "/contacts/x@example.com", ``, 404, "not_found", `there is no contact "x@example.com"`},
	"contact: update none":      {"PATCH", "/contacts/x", `{}`, 404, "not_found", `there is no contact "x"`},
	"contact: email":            {"PATCH", "/contacts/ada@example.com", `{"email": 5}`, 422, invalid, "email: must be a string, not a number"},
	"contact: unsubscribed":     {"PATCH", "/contacts/ada@example.com", `{"unsubscribed": "no"}`, 422, invalid, "unsubscribed: must be a boolean, not a string"},
	"contact: audience":         {"PATCH", "/contacts/ada@example.com", `{"audience_id": "s"}`, 422, invalid, "audience_id: the contact is not in this segment: it joins and leaves segments by"},
	"contact: topics":           {"POST", "/contacts", `{"email": "b@example.com", "topics": [{"id": "t"}]}`, 422, invalid, "topics: is not supported: leave it out"},
	"contact: unknown segments": {"POST", "/contacts", `{"email": "b@example.com", "segments": ["s", {"id": "t"}], "audience_id": "u", "segment_id": "v"}`, 422, invalid, `4 problems: segments[0]: there is no segment "s"; segments[1]: there is no segment "t"; audience_id: there is no segment "u"; segment_id: there is no segment "v"`},
	"contact: other id":         {"PATCH", "/contacts/ada@example.com", `{"id": "x"}`, 422, invalid, "id: is not the contact that the path names"},
	"segment: no name":          {"POST", "/segments", `{}`, 422, missing, "name: is required"},
	"segment: empty name":       {"POST", "/segments", `{"name": ""}`, 422, missing, "name: "},
	"segment: name":             {"POST", "/segments", `{"name": "a\u0000b"}`, 422, invalid, "name: "},
	"segment: id":               {"POST", "/segments", `{"name": "x", "id": "mine"}`, 422, invalid, "id: there is no such field"},
	"segment: unknown":          {"GET", "/segments/x", ``, 404, "not_found", `there is no segment "x"`},
	"segment: rename none":      {"PATCH", "/segments/x", `{"name": "y"}`, 404, "not_found", `there is no segment "x"`},
	"segment: rename nothing":   {"PATCH", "/segments/{segment}", `{}`, 422, missing, "name: is required"},
	"segment: rename empty":     {"PATCH", "/segments/{segment}", `{"name": ""}`, 422, missing, "name: "},
	"segment: rename NUL":       {"PATCH", "/segments/{segment}", `{"name": "a\u0000b"}`, 422, invalid, "name: "},
	"segment: rename array":     {"PATCH", "/segments/{segment}", `{"name": []}`, 422, invalid, "name: must be a string, not an array"},
	"segment: delete none":      {"DELETE", "/segments/x", ``, 404, "not_found", `there is no segment "x"`},
	"segments: limit":           {"GET", "/segments?limit=0", ``, 422, invalid, "limit: "},
	"segments: before nothing":  {"GET", "/segments?before=x", ``, 422, invalid, `before: there is nothing with the id "x" in this list`},
	"segment contacts: limit":   {"GET", "/segments/x/contacts?limit=0", ``, 422, invalid, "limit: "},
	"segment contacts: unknown": {"GET", "/segments/x/contacts?after=y", ``, 404, "not_found", `there is no segment "x"`},
	"segment contacts: after":   {"GET", "/segments/{segment}/contacts?after=y", ``, 422, invalid, "after: "},
	"contact segments: limit":   {"GET", "/contacts/ada@example.com/segments?limit=0", ``, 422, invalid, "limit: "},
	"contact segments: after":   {"GET", "/contacts/ada@example.com/segments?after=x", ``, 422, invalid, "after: "},
	"contact segments: unknown": {"GET", "/contacts/x/segments", ``, 404, "not_found", `there is no contact "x"`},
	"join: unknown":             {"POST", "/contacts/x/segments/s", ``, 404, "not_found", `there is no contact "x"`},
	"join: field":               {"POST", "/contacts/ada@example.com/segments/s", `{"x": 1}`, 422, invalid, "x: there is no such field: the fields here are email, contact_id, segment_id"},
	"join: unknown segment":     {"POST", "/contacts/ada@example.com/segments/s", ``, 404, "not_found", `there is no segment "s"`},
	"join: other segment":       {"POST", "/contacts/ada@example.com/segments/s", `{"segment_id": "t"}`, 422, invalid, "segment_id: is not the segment that the path names"},
	"join: other contact":       {"POST", "/contacts/ada@example.com/segments/s", `{"contact_id": "c"}`, 422, invalid, "contact_id: is not the contact that the path names"},
	"join: other email":         {"POST", "/contacts/ada@example.com/segments/s", `{"email": "bob@example.com"}`, 422, invalid, "email: is not the email of the contact that the path names"},
	"leave: unknown":            {"DELETE", "/contacts/x/segments/s", ``, 404, "not_found", `there is no contact "x"`},
	"leave: id":                 {"DELETE", "/contacts/ada@example.com/segments/" + strings.Repeat("x", 256), ``, 422, invalid, "segment_id: "},
	"property: no key":          {"POST", "/contact-properties", `{"type": "string"}`, 422, missing, "key: is required"},
	"property: empty key":       {"POST", "/contact-properties", `{"key": "", "type": ""}`, 422, missing, "2 problems: key: is missing"},
	"property: key":             {"POST", "/contact-properties", `{"key": "a b", "type": "string"}`, 422, invalid, "key: must be 1 to 50 letters"},
	"property: reserved key":    {"POST", "/contact-properties", `{"key": "EMAIL", "type": "string"}`, 422, invalid, "key: is reserved"},
	"property: type":            {"POST", "/contact-properties", `{"key": "a", "type": "boolean"}`, 422, invalid, "type: must be string or number"},
	"property: fallback":        {"POST", "/contact-properties", `{"key": "a", "type": "number", "fallback_value": "5"}`, 422, invalid, "fallback_value: must be a number, the type of this property, not a string"},
	"property: fallback array":  {"POST", "/contact-properties", `{"key": "a", "type": "number", "fallback_value": [5]}`, 422, invalid, "fallback_value: must be a string, a number or null, not an array"},
	"property: id":              {"POST", "/contact-properties", `{"id": "a", "key": "a", "type": "string"}`, 422, invalid, "id: there is no such field"},
	"property: unknown":         {"GET", "/contact-properties/x", ``, 404, "not_found", `there is no contact property "x"`},
	"property: update unknown":  {"PATCH", "/contact-properties/x", `{"fallback_value": null}`, 404, "not_found", `there is no contact property "x"`},
	"property: update nothing":  {"PATCH", "/contact-properties/plan", `{}`, 422, missing, "fallback_value: is required: null removes it"},
	"property: update type":     {"PATCH", "/contact-properties/plan", `{"type": "number", "key": "b", "fallback_value": 5}`, 422, invalid, "2 problems: type: is not supported: it does not change; key: "},
	"property: update fallback": {"PATCH", "/contact-properties/plan", `{"fallback_value": 5}`, 422, invalid, "fallback_value: must be a string, the type of this property, not a number"},
	"property: other id":        {"PATCH", "/contact-properties/plan", `{"id": "x", "fallback_value": "5"}`, 422, invalid, "id: is not the contact property that the path names"},
	"property: delete unknown":  {"DELETE", "/contact-properties/x", ``, 404, "not_found", `there is no contact property "x"`},
	"properties: limit":         {"GET", "/contact-properties?limit=0", ``, 422, invalid, "limit: "},
	"properties: after nothing": {"GET", "/contact-properties?after=x", ``, 422, invalid, `after: there is nothing with the id "x" in this list`},
	"contact: defined type":     {"PATCH", "/contacts/ada@example.com", `{"properties": {"plan": true}}`, 422, invalid, "properties.plan: must be a string, the type of this property, not a boolean"},
	"import: unknown":           {"GET", "/contacts/imports/segments", ``, 404, "not_found", `there is no contact import "segments"`},
	"template: no body":         {"POST", "/templates", ``, 400, invalid, "the body is not JSON: it is empty"},
	"template: array":           {"POST", "/templates", `[]`, 422, invalid, "must be an object"},
	"template: too long":        {"POST", "/templates", strings.Repeat(" ", 1<<20+1), 413, invalid, "at most 1048576 bytes"},
	"template: unknown field":   {"POST", "/templates", `{"name": "x", "html": "x", "htlm": "x"}`, 422, invalid, "htlm: "},
	"template: duplicate key":   {"POST", "/templates", `{"name": "x", "name": "y", "html": "x"}`, 422, invalid, "name: "},
	"template: wrong types":     {"POST", "/templates", `{"name": 1, "html": true, "reply_to": [1], "variables": {}}`, 422, invalid, "4 problems: "},
	"template: no name":         {"POST", "/templates", `{"html": "x"}`, 422, missing, "name: is required"},
	"template: no body text":    {"POST", "/templates", `{"name": "x"}`, 422, missing, "html: there is neither HTML nor text"},
	"template: status":          {"POST", "/templates", `{"name": "x", "html": "x", "status": "sent"}`, 422, invalid, "status: "},
	"template: tag":             {"POST", "/templates", `{"name": "x", "html": "{{{NAME"}`, 422, invalid, "html: "},
	"template: unknown":         {"GET", "/templates/x", ``, 404, "not_found", `there is no template "x"`},
	"template: update nothing":  {"PATCH", "/templates/receipt", `{}`, 422, missing, "an update needs at least one field"},
	"template: update no JSON":  {"PATCH", "/templates/receipt", `x`, 400, invalid, "the body is not JSON"},
	"template: update status":   {"PATCH", "/templates/receipt", `{"status": "published"}`, 422, invalid, "status: is changed by publishing the template"},
	"template: update name":     {"PATCH", "/templates/{template}", `{"name": null}`, 422, missing, "name: is required"},
	"template: update tag":      {"PATCH", "/templates/{template}", `{"subject": "{{{", "html": null}`, 422, invalid, "2 problems: "},
	"template: update unknown":  {"PATCH", "/templates/x", `{"name": "x"}`, 404, "not_found", `there is no template "x"`},
	"template: update file":     {"PATCH", "/templates/receipt", `{"name": "x"}`, 409, invalid, `template "billing/receipt" comes from a file`},
	"template: delete unknown":  {"DELETE", "/templates/x", ``, 404, "not_found", `there is no template "x"`},
	"publish: unknown":          {"POST", "/templates/x/publish", ``, 404, "not_found", `there is no template "x"`},
	"publish: field":            {"POST", "/templates/receipt/publish", `{"x": 1}`, 422, invalid, "x: there is no such field"},
	"copy: unknown":             {"POST", "/templates/x/duplicate", ``, 404, "not_found", `there is no template "x"`},
	"copy: field":               {"POST", "/templates/receipt/duplicate", `{"name": "x"}`, 422, invalid, "name: there is no such field"},
	"templates: limit":          {"GET", "/templates?limit=x", ``, 422, invalid, "limit: "},
	"templates: after nothing":  {"GET", "/templates?after=x", ``, 422, invalid, `after: there is nothing with the id "x"`},
	"no such path":              {"GET", "/emails", ``, 404, "not_found", "there is nothing at this path"},
	"root":                      {"GET", "/", ``, 404, "not_found", "there is nothing at this path"},
	"path that is not a text":   {"GET", "/automations/%00", ``, 404, "not_found", "there is nothing at this path"},
	"path that is not UTF-8":    {"GET", "/events/%ff", ``, 404, "not_found", "there is nothing at this path"},
}

func TestRequests_ThatAreInvalidGetAllProblems(t *testing.T) {
	t.Parallel()
	for name, tt := range invalidRequests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := setup(t)
			a.must(http.StatusCreated, "POST", "/contacts", `{"email": "ada@example.com"}`)
			template := a.must(http.StatusCreated, "POST", "/templates", `{"name": "Hello", "html": "<p>Hello</p>"}`).id(t)
			segment := a.must(http.StatusCreated, "POST", "/segments", `{"name": "Friends"}`).id(t)
			a.must(http.StatusCreated, "POST", "/contact-properties", `{"key": "plan", "type": "string", "fallback_value": "free"}`)
			path := strings.NewReplacer("{id}", a.create(), "{template}", template, "{segment}", segment).Replace(tt.path)
			before := a.contents()
			got := a.must(tt.status, tt.method, path, tt.body).failure(t)
			assert.Equal(t, tt.name, got.Name, got.Message)
			assert.Contains(t, got.Message, tt.message)
			assert.Equal(t, before, a.contents(), "nothing changes")
		})
	}
}

// contents returns everything that clients can change.
func (a *api) contents() []string {
	a.t.Helper()
	var all []string
	for _, path := range []string{"/automations", "/events", "/contacts", "/contact-properties", "/contacts/imports", "/segments", "/templates"} {
		all = append(all, a.must(http.StatusOK, "GET", path, "").body)
	}
	page, err := a.runner.ListAutomations(a.t.Context(), automation.AutomationQuery{})
	assert.NoError(a.t, err)
	for _, item := range page.Data {
		all = append(all, a.must(http.StatusOK, "GET", "/automations/"+item.ID, "").body, a.must(http.StatusOK, "GET", "/automations/"+item.ID+"/metrics", "").body)
	}
	return all
}
