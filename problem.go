package automation

import (
	"fmt"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// Severity distinguishes errors, which make the input invalid, from warnings.
type Severity string

// The severities.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// Problem is an error or a warning about an automation, event, contact or option. It
// is written for the person who wrote the input.
type Problem struct {
	// Severity is SeverityError or SeverityWarning.
	Severity Severity `json:"severity"`
	// Code is stable across releases; see the Code constants.
	Code Code `json:"code"`
	// Path is the place in the JSON document, such as `steps[2].config.duration`.
	Path string `json:"path,omitempty"`
	// Step is the key of the step with the problem. It is empty for a problem
	// outside of the steps.
	Step string `json:"step,omitempty"`
	// Connection is the connection with the problem. It is nil for a problem outside
	// of the connections.
	Connection *Connection `json:"connection,omitempty"`
	// Message describes the problem and how to solve it.
	Message string `json:"message"`
}

// String returns the message after the step, the connection or the path of the
// problem.
func (p Problem) String() string {
	switch {
	case p.Step != "":
		return fmt.Sprintf("step %s: %s", jsondoc.Quote(p.Step), p.Message)
	case p.Connection != nil:
		return fmt.Sprintf("connection %s to %s: %s", jsondoc.Quote(p.Connection.From), jsondoc.Quote(p.Connection.To), p.Message)
	case p.Path != "":
		return p.Path + ": " + p.Message
	default:
		return p.Message
	}
}

// Problems is a list of problems, in the order of the document. Validate moves causes to
// the front.
type Problems []Problem

// Add adds a problem at path with SeverityError.
func (ps *Problems) Add(code Code, path, format string, args ...any) {
	*ps = append(*ps, Problem{Severity: SeverityError, Code: code, Path: path, Message: fmt.Sprintf(format, args...)})
}

// problemsOf returns a problem with this code and SeverityError for each violation.
func problemsOf(code Code, violations []jsondoc.Violation) Problems {
	var ps Problems
	for _, v := range violations {
		ps.Add(code, v.Path, "%s", v.Message)
	}
	return ps
}

// Errors returns the problems with SeverityError.
func (ps Problems) Errors() Problems { return ps.with(SeverityError) }

// Warnings returns the problems with SeverityWarning.
func (ps Problems) Warnings() Problems { return ps.with(SeverityWarning) }

func (ps Problems) with(s Severity) Problems {
	var out Problems
	for _, p := range ps {
		if p.Severity == s {
			out = append(out, p)
		}
	}
	return out
}

// Err returns a *ValidationError about subject with the problems of SeverityError. It
// returns nil if ps has none.
func (ps Problems) Err(subject string) error {
	errs := ps.Errors()
	if len(errs) == 0 {
		return nil
	}
	return &ValidationError{Subject: subject, Problems: errs}
}

// String returns one line per problem.
func (ps Problems) String() string {
	var b strings.Builder
	for _, p := range ps {
		fmt.Fprintf(&b, "%s %s: %s\n", p.Severity, p.Code, p)
	}
	return b.String()
}

// Code identifies a kind of problem. Codes do not change between releases.
type Code string

// The codes of problems in a JSON document.
const (
	CodeSyntax       Code = "syntax"        // not JSON, or data after the document
	CodeUnknownField Code = "unknown_field" // an object has a key that is no field
	CodeDuplicateKey Code = "duplicate_key" // an object has the same key twice
	CodeWrongType    Code = "wrong_type"    // for instance a string instead of a number
	CodeMissingField Code = "missing_field" // a required field is absent or empty
	CodeUnknownType  Code = "unknown_step_type"
)

// The codes of problems in a graph.
const (
	CodeNoTrigger                       Code = "no_trigger"
	CodeMultipleTriggers                Code = "many_triggers"
	CodeTriggerNotFirst                 Code = "trigger_not_first"
	CodeEmptyKey                        Code = "empty_step_key"
	CodeDuplicateStep                   Code = "duplicate_step_key"
	CodeUnknownStep                     Code = "unknown_step" // a connection names a missing step
	CodeConnectionToTrigger             Code = "connection_to_trigger"
	CodeSelfConnection                  Code = "self_connection"
	CodeDuplicateConnection             Code = "duplicate_connection"
	CodeAmbiguousConnection             Code = "ambiguous_connection" // two of one type leave one step
	CodeConnectionType                  Code = "invalid_connection_type"
	CodeTimeoutConnectionWithoutTimeout Code = "timeout_without_timeout"
	CodeCycle                           Code = "cycle"
	CodeUnreachable                     Code = "unreachable_step"
	CodeInvalidConfig                   Code = "invalid_config"
	CodeInvalidDuration                 Code = "invalid_duration"
	CodeInvalidRetry                    Code = "invalid_retry"
	CodeInvalidEventName                Code = "invalid_event_name"
	CodeInvalidRule                     Code = "invalid_rule"
	CodeInvalidReference                Code = "invalid_reference"
	CodeWaitNeverBefore                 Code = "wait_event_not_waited_for"
	CodeOutputNotBefore                 Code = "step_output_not_before"
	CodeLimit                           Code = "limit_exceeded"
	CodeInvalidName                     Code = "invalid_name"
	CodeInvalidStatus                   Code = "invalid_status"
	CodeReservedBranchName              Code = "reserved_branch_name"
	CodeDuplicateBranch                 Code = "duplicate_branch"
	CodeInvalidWeights                  Code = "invalid_weights"
	CodeInvalidReentry                  Code = "invalid_reentry"
	CodeDelayNeedsOneKind               Code = "delay_needs_one_kind"
	CodePastNotHandled                  Code = "past_not_handled"
	CodeTimeNeeded                      Code = "time_needed"
	CodeUnknownZone                     Code = "unknown_zone"
	CodeInvalidWindow                   Code = "invalid_window"
	CodeWindowNeverOpens                Code = "window_never_opens"
	CodeFieldsLost                      Code = "fields_lost"
	CodeUnsafeHeader                    Code = "unsafe_header"
	CodeStepAfterDelete                 Code = "step_after_contact_delete" // warning
	CodeUnhandledTimeout                Code = "unhandled_timeout"         // warning
	CodeOneBranch                       Code = "one_branch"                // warning
	CodeNoElse                          Code = "no_else"                   // warning
	CodeBranchUnconnected               Code = "branch_unconnected"        // warning
	CodeVariantUnconnected              Code = "variant_unconnected"       // warning
	CodeDuplicateListener               Code = "duplicate_listener"        // warning
	CodeWindowNarrow                    Code = "window_narrow"             // warning
	CodeWaitForever                     Code = "wait_without_timeout"      // warning
	CodeSameTarget                      Code = "branches_meet_at_once"     // warning
	CodeNeverTaken                      Code = "connection_never_taken"    // warning
	CodeWaitSometimesBefore             Code = "wait_event_on_some_paths"  // warning
	CodeOutputSometimesBefore           Code = "step_output_on_some_paths" // warning
	CodeListenerIsTrigger               Code = "listener_is_trigger"       // warning
	CodeUnkeyedListener                 Code = "unkeyed_listener"          // warning
	CodeWhileRuleExpires                Code = "while_rule_expires"        // warning
	CodeResetAlsoStarts                 Code = "reset_also_starts"         // warning
	CodeReferenceInText                 Code = "reference_in_text"         // warning
	CodeEventLoop                       Code = "event_loop"                // warning
	CodeUnknownEventField               Code = "unknown_event_field"       // warning
	CodeEventFieldType                  Code = "event_field_type"          // warning
	CodeUnknownTemplate                 Code = "unknown_template"          // warning
	CodeUnpublishedTemplate             Code = "unpublished_template"      // warning
	CodeUnknownTemplateField            Code = "unknown_template_variable" // warning
	CodeMissingTemplateField            Code = "missing_template_variable" // warning
)

// The codes of problems in events, contacts and options.
const (
	CodeInvalidContact        Code = "invalid_contact"
	CodeInvalidEmail          Code = "invalid_email"
	CodeInvalidPayload        Code = "invalid_payload"
	CodeInvalidIdempotencyKey Code = "invalid_idempotency_key"
	CodeInvalidCause          Code = "invalid_cause" // of an event that an application sends
	CodeSchemaMismatch        Code = "schema_mismatch"
	CodeInvalidSchema         Code = "invalid_schema"
	CodeInvalidOption         Code = "invalid_option"
	CodeInvalidCursor         Code = "invalid_cursor"
	CodeInvalidFilter         Code = "invalid_filter"  // of a list
	CodeUnboundedQuery        Code = "unbounded_query" // a list would read all that a store keeps
)

// emailFlaw returns the flaw of an email address, or "". It refuses display names,
// because the address identifies a contact.
func emailFlaw(email string) string {
	a, err := mail.ParseAddress(email)
	if err != nil || a.Address != email || a.Name != "" {
		return jsondoc.Quote(email) + " is not an email address; write name@example.com"
	}
	return idFlaw(email)
}

// maxIDBytes bounds identifiers that applications and their users choose.
const maxIDBytes = 255

// idFlaw returns the flaw of an identifier, or "". It accepts an empty identifier.
// Identifiers have stricter rules than other texts, because they become part of
// headers (such as the idempotency key of an email), URLs, logs and database keys.
func idFlaw(id string) string {
	if len(id) > maxIDBytes {
		return fmt.Sprintf("must not be longer than %d bytes", maxIDBytes)
	}
	return characterFlaw(id)
}

// resourceFlaw is idFlaw for the id of what has an address of its own in package httpapi and
// in the dashboard. Browsers, proxies and routers remove . and .. from a path, also escaped.
func resourceFlaw(id string) string {
	if id == "." || id == ".." {
		return "must not be . or .., because no URL can contain it: choose another id"
	}
	return idFlaw(id)
}

// characterFlaw is idFlaw without the limit of the length, for an identifier that
// has a limit of its own.
func characterFlaw(id string) string {
	switch {
	case !utf8.ValidString(id):
		return "must be valid UTF-8"
	case strings.ContainsFunc(id, unicode.IsControl):
		return "must not contain control characters"
	default:
		return ""
	}
}

// textFlaw returns the reason why a store cannot keep a text unchanged, or "".
func textFlaw(text string) string {
	switch {
	case !utf8.ValidString(text):
		return "is not valid UTF-8"
	case strings.ContainsRune(text, 0):
		return "contains a zero byte, which databases refuse"
	default:
		return ""
	}
}
