package automation

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func nineToFive(change func(w *Window)) Window {
	w := office(Zone{})
	change(&w)
	return w
}

func TestValidate_DelayUntil(t *testing.T) {
	t.Parallel()
	date := String("2026-12-24")
	nine := MustParseLocalTime("09:00")
	for name, tt := range map[string]struct {
		config DelayUntil
		past   bool // there is a connection for it
		want   []string
	}{
		"a date":            {DelayUntil{At: date, Time: nine, IfPast: OtherwiseContinue}, false, nil},
		"a date, connected": {DelayUntil{At: date, Time: nine, IfMissing: OtherwiseEnd, Zone: ContactZone()}, true, nil},
		"a date-time":       {DelayUntil{At: String("2026-12-24T18:00:00+01:00"), IfPast: OtherwiseFail, Zone: ZoneOf("Europe/Berlin")}, false, nil},
		"a reference":       {DelayUntil{At: Var("contact.properties.day"), Offset: MustParseOffset("-1 week"), IfPast: OtherwiseEnd}, false, nil},
		"next":              {DelayUntil{Next: nextAt("09:00", Monday), After: MustParseDuration("2 days"), Zone: ZoneAt("event.zone")}, false, nil},
		"nothing": {DelayUntil{}, false, []string{
			`error delay_needs_one_kind steps[1].config: there is nothing to wait for: give exactly one of at, such as {"var": "event.starts_at"}, and next`,
		}},
		"both": {DelayUntil{At: date, Next: nextAt("09:00")}, false, []string{
			"error delay_needs_one_kind steps[1].config: the step has both at and next: give exactly one of them",
		}},
		"members of the other": {DelayUntil{Next: nextAt("09:00"), Time: nine, Offset: MustParseOffset("1 day"), IfPast: OtherwiseEnd, IfMissing: OtherwiseEnd}, true, []string{
			"error delay_needs_one_kind steps[1].config.if_missing: if_missing belongs to at, which the step does not have: remove one of them",
			"error delay_needs_one_kind steps[1].config.if_past: if_past belongs to at",
			"error delay_needs_one_kind steps[1].config.offset: offset belongs to at",
			"error delay_needs_one_kind steps[1].config.time: time belongs to at",
			`error delay_needs_one_kind steps[1]: next is never past: remove the connection of type "past"`,
		}},
		"a member of next": {DelayUntil{At: date, Time: nine, IfPast: OtherwiseEnd, After: MustParseDuration("1 day")}, false, []string{
			"error delay_needs_one_kind steps[1].config.after: after belongs to next, which the step does not have: remove one of them",
		}},
		"the past is not handled": {DelayUntil{At: date, Time: nine}, false, []string{
			`error past_not_handled steps[1].config: nothing states what happens if the date has passed: add a connection of type "past", or if_past, which is "continue", "end" or "fail"`,
		}},
		"the past is handled twice": {DelayUntil{At: date, Time: nine, IfPast: OtherwiseFail}, true, []string{
			`error past_not_handled steps[1].config.if_past: if_past and the connection of type "past" both state what happens if the date has passed: remove one of them`,
		}},
		"a date without a time": {DelayUntil{At: date, IfPast: OtherwiseEnd}, false, []string{
			`error time_needed steps[1].config.time: the date "2026-12-24" has no time of day: add one, such as "time": "09:00"`,
		}},
		"no date": {DelayUntil{At: String("tomorrow"), IfPast: OtherwiseEnd}, false, []string{
			`error invalid_config steps[1].config.at: "tomorrow" is no date: write one as in RFC 3339, such as "2026-12-24"`,
		}},
		"null":     {DelayUntil{At: Null(), Time: nine, IfPast: OtherwiseEnd}, false, []string{`error invalid_config steps[1].config.at: null is no date`}},
		"a number": {DelayUntil{At: Number(5), Time: nine, IfPast: OtherwiseEnd}, false, []string{`error invalid_config steps[1].config.at: 5 is no date`}},
		"a time from now": {DelayUntil{At: Now("1 day"), Time: nine, IfPast: OtherwiseEnd}, false, []string{
			`error invalid_config steps[1].config.at: {"now":"1 day"} is no date`,
		}},
		"no path": {DelayUntil{At: Var("day"), IfPast: OtherwiseEnd}, false, []string{
			`error invalid_reference steps[1].config.at: path "day" names no field`,
		}},
		"a date of a step that is not before": {DelayUntil{At: Var("steps.default.at"), IfPast: OtherwiseEnd}, false, []string{
			`error step_output_not_before steps[1].config.at: "steps.default.at" reads the output of step "default", which lies on no path to this one`,
		}},
		"part of a day beside a time": {DelayUntil{At: date, Time: nine, Offset: MustParseOffset("-36h"), IfPast: OtherwiseEnd}, false, []string{
			`error invalid_config steps[1].config.offset: an offset beside a time counts days of the calendar: write whole days`,
		}},
		"an offset beyond the limit": {DelayUntil{At: date, Time: nine, Offset: MustParseOffset("-367 days"), IfPast: OtherwiseEnd}, false, []string{
			`error limit_exceeded steps[1].config.offset: offset "-367 days" is over the limit of 366 days: raise Limits.Until`,
		}},
		"after beyond the limit": {DelayUntil{Next: nextAt("09:00"), After: MustParseDuration("367 days")}, false, []string{
			`error limit_exceeded steps[1].config.after: after "367 days" is over the limit of 366 days`,
		}},
		"no time":            {DelayUntil{Next: &NextTime{}}, false, []string{`error missing_field steps[1].config.next.time: the time of day is missing`}},
		"the end of the day": {DelayUntil{Next: nextAt("24:00")}, false, []string{`error invalid_config steps[1].config.next.time: local time "24:00" is the end of a day`}},
		"no weekday": {DelayUntil{Next: nextAt("09:00", "monday")}, false, []string{
			`error invalid_config steps[1].config.next.weekdays[0]: weekday "monday" is not understood`,
		}},
		"what is otherwise": {DelayUntil{At: date, Time: nine, IfPast: "skip", IfMissing: "stop"}, false, []string{
			`error invalid_config steps[1].config.if_past: if_past "skip" is unknown: use "continue", "end" or "fail"`,
			`error invalid_config steps[1].config.if_missing: if_missing "stop" is unknown`,
		}},
		"a misspelt zone": {DelayUntil{Next: nextAt("09:00"), Zone: ZoneOf("Europe/Berln")}, false, []string{
			`error unknown_zone steps[1].config.zone: "Europe/Berln" is no time zone: did you mean "Europe/Berlin"?`,
		}},
		"the zone of the machine": {DelayUntil{Next: nextAt("09:00"), Zone: ZoneOf("Local")}, false, []string{
			`error unknown_zone steps[1].config.zone: "Local" is no time zone`,
		}},
		"an empty zone": {DelayUntil{Next: nextAt("09:00"), Zone: ZoneOf("")}, false, []string{`error unknown_zone steps[1].config.zone: "" is no time zone`}},
		"an offset":     {DelayUntil{Next: nextAt("09:00"), Zone: ZoneOf("+02:00")}, false, []string{`error unknown_zone steps[1].config.zone: "+02:00" is no time zone`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			branches := []ConnectionType{ConnectionDefault}
			if tt.past {
				branches = append(branches, ConnectionPast)
			}
			assertProblems(t, tt.want, Validate(fork(tt.config, branches...), ValidateOptions{}))
		})
	}
}

// A misspelt connection explains why the past is not handled.
func TestValidate_DelayUntilWithAMisspeltConnection(t *testing.T) {
	t.Parallel()
	a := fork(DelayUntil{At: Var("event.at")}, ConnectionDefault, "Past")
	assertProblems(t, []string{`error invalid_connection_type connections[2].type: a step of type "delay_until" has no connection of type "Past": did you mean "past"?`},
		Validate(a, ValidateOptions{}))
}

// A schema that allows nothing but dates asks for a time of day. The type "date" of a flat
// schema also allows date-times.
func TestValidate_DelayUntilReadsTheSchema(t *testing.T) {
	t.Parallel()
	a := sequence(DelayUntil{At: Var("event.at"), IfPast: OtherwiseEnd})
	for text, want := range map[string][]string{
		`{"at": "date"}`: nil,
		`{"type": "object", "properties": {"at": {"type": "string", "format": "date-time"}}}`: nil,
		`{"type": "object", "properties": {"at": {"type": ["string", "null"], "format": "date"}}}`: {
			`error time_needed steps[1].config.time: "event.at" is a date by the definition of its event, and a date has no time of day`,
		},
	} {
		defs := []EventDefinition{{Name: "user.created", Schema: json.RawMessage(text)}}
		assertProblems(t, want, Validate(a, ValidateOptions{Definitions: defs}))
	}
}

func TestValidate_Window(t *testing.T) {
	t.Parallel()
	mondays := func(n int) (dates []Date) {
		for date := MustParseDate("2026-01-05"); len(dates) < n; date = date.AddDays(7) {
			dates = append(dates, date)
		}
		return dates
	}
	invalid := func(text string) (d Date) {
		require.NoError(t, json.Unmarshal([]byte(text), &d))
		return d
	}
	for name, tt := range map[string]struct {
		window Window
		want   []string // at the path of the window
	}{
		"an office": {office(ContactZone()), nil},
		"a night":   {Window{Hours: []Hours{{From: MustParseLocalTime("22:00"), To: MustParseLocalTime("06:00")}}}, nil},
		"a day":     {Window{Hours: []Hours{{From: MustParseLocalTime("00:00"), To: MustParseLocalTime("24:00")}}}, nil},
		"no hours":  {Window{Zone: ContactZone()}, []string{"error invalid_window .hours: the window has no hours, so it never opens"}},
		"no time": {Window{Hours: []Hours{{From: MustParseLocalTime("09:00"), To: MustParseLocalTime("09:00")}}}, []string{
			"error invalid_window .hours[0]: 09:00 to 09:00 is no time at all: for the whole day write 00:00 to 24:00",
		}},
		"from missing": {Window{Hours: []Hours{{To: MustParseLocalTime("09:00")}}}, []string{"error invalid_window .hours[0]: hours have from and to: give both"}},
		"no weekday":   {nineToFive(func(w *Window) { w.Hours[0].Days = []Weekday{"Mon"} }), []string{`error invalid_window .hours[0]: weekday "Mon" is not understood`}},
		"narrow": {Window{Hours: []Hours{{From: MustParseLocalTime("23:55"), To: MustParseLocalTime("00:09")}}}, []string{
			"warning window_narrow .hours[0]: the window is open for 14 minutes only: a run that is late waits for the next time",
		}},
		"a zone":          {office(ZoneOf("PST")), []string{`error unknown_zone .zone: "PST" is no time zone`}},
		"a zone's path":   {office(ZoneAt("zone")), []string{`error invalid_reference .zone: path "zone" names no field`}},
		"no date":         {nineToFive(func(w *Window) { w.Except = []Date{{}} }), []string{"error invalid_window .except[0]: the date is missing"}},
		"an invalid date": {nineToFive(func(w *Window) { w.Except = []Date{invalid(`"25.12."`)} }), []string{`error invalid_window .except[0]: date "25.12." is not understood`}},
		"too many hours": {nineToFive(func(w *Window) { w.Hours = append(make([]Hours, 10), w.Hours...) }), []string{
			"error limit_exceeded .hours: the window has 11 entries of hours, the limit is 10",
		}},
		"too many dates": {nineToFive(func(w *Window) { w.Except = mondays(101) }), []string{"error limit_exceeded .except: the window leaves out 101 dates, the limit is 100"}},
		"mondays but for 52": {nineToFive(func(w *Window) { w.Hours[0].Days, w.Except = []Weekday{Monday}, mondays(53) }), []string{
			"error window_never_opens .except: the window does not open within a year, because except has all of its days",
		}},
		"a year of mondays on other days too": {nineToFive(func(w *Window) { w.Hours[0].Days, w.Except = []Weekday{Monday, Tuesday}, mondays(53) }), nil},
		"a few mondays":                       {nineToFive(func(w *Window) { w.Hours[0].Days, w.Except = []Weekday{Monday}, mondays(51) }), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			email := welcome
			email.Window = tt.window
			for path, config := range map[string]StepConfig{"steps[1].config": tt.window, "steps[1].config.window": email} {
				var want []string
				for _, w := range tt.want {
					want = append(want, insertPath(w, path))
				}
				assertProblems(t, want, Validate(sequence(config), ValidateOptions{}))
			}
		})
	}
}

// insertPath puts path in front of the path in a problem, which begins with a dot.
func insertPath(problem, path string) string {
	for i := range problem {
		if problem[i:i+2] == " ." {
			return problem[:i+1] + path + problem[i+1:]
		}
	}
	return problem
}

func TestMoments_DecodeStrictly(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"key":"a","type":"delay_until","config":{"at":{"var":"event.at"},"offset":"-1 day","time":"09:00","if_past":"continue","if_missing":"end","zone":"contact"}}`,
		`{"key":"a","type":"delay_until","config":{"next":{"weekdays":["mon","thu"],"time":"09:00"},"after":"2 days","zone":{"var":"event.zone"}}}`,
		`{"key":"a","type":"window","config":{"hours":[{"days":["mon"],"from":"09:00","to":"24:00"}],"zone":"Europe/Berlin","except":["2026-12-25"]}}`,
		`{"key":"a","type":"send_email","config":{"template":{"id":"a"},"window":{"hours":[{"from":"9:00","to":"later"}]}}}`, // kept, and refused by Validate
	} {
		var s Step
		require.NoError(t, json.Unmarshal([]byte(text), &s))
		again, err := json.Marshal(s)
		require.NoError(t, err)
		assert.Equal(t, text, string(again))
	}
	for text, want := range map[string]string{
		`"type":"delay_until","config":{"until":1}`:                              `config.until: there is no field "until"`,
		`"type":"delay_until","config":{"at":["x"]}`:                             `config.at: must be a string`,
		`"type":"delay_until","config":{"next":{"time":9}}`:                      `config.next.time: a local time is a string, such as "09:00"`,
		`"type":"delay_until","config":{"next":{"day":"mon"}}`:                   `config.next.day: there is no field "day"`,
		`"type":"delay_until","config":{"zone":{"now":"1 day"}}`:                 `config.zone: a zone is the name of a time zone, such as "Europe/Berlin", "contact", or {"var": "path"}`,
		`"type":"delay_until","config":{"zone":{"var":"event.zone","or":"UTC"}}`: `config.zone: a zone is the name`,
		`"type":"delay_until","config":{"zone":2}`:                               `config.zone: a zone is the name`,
		`"type":"window","config":{}`:                                            `config: the window is empty: give it hours`,
		`"type":"window","config":{"hours":[{"form":"09:00"}]}`:                  `config.hours[0].form: there is no field "form": did you mean "from"?`,
		`"type":"send_email","config":{"window":{}}`:                             `config.window: the window is empty`,
	} {
		var s Step
		require.ErrorContains(t, json.Unmarshal([]byte(`{"key":"a",`+text+`}`), &s), want)
	}
}

func TestMoments_NullAndZeroValues(t *testing.T) {
	t.Parallel()
	z := ContactZone()
	require.NoError(t, json.Unmarshal([]byte("null"), &z))
	assert.Equal(t, ContactZone(), z)
	for want, v := range map[string]any{`null`: Zone{}, `"contact"`: ContactZone(), `{"var":"event.zone"}`: ZoneAt("event.zone")} {
		got, err := json.Marshal(v)
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
	assert.Empty(t, Zone{}.String())
	assert.Equal(t, "Europe/Berlin", ZoneOf("Europe/Berlin").String())
	assert.Equal(t, `{"var":"event.zone"}`, ZoneAt("event.zone").String())
	assert.True(t, Window{}.IsZero())
	assert.False(t, Window{Hours: []Hours{}}.IsZero(), "empty hours are a mistake, which Validate reports")
	assert.True(t, Window{}.Next(time.Now(), time.UTC).IsZero())
}

func TestLocalTime_ParsersNameThePackage(t *testing.T) {
	t.Parallel()
	_, err := ParseOffset("soon")
	require.ErrorContains(t, err, `automation: offset "soon"`)
	_, err = ParseLocalTime("24:00")
	require.ErrorContains(t, err, "automation: local time")
	_, err = ParseDate("25.12.2026")
	require.ErrorContains(t, err, "automation: date")
	d, err := ParseDate("2026-12-25")
	require.NoError(t, err)
	assert.Equal(t, MustParseDate("2026-12-25"), d)
}
