package diagram_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/diagram"
)

type drawing struct {
	automation automation.Automation
	opts       diagram.Options
}

var drawings = map[string]drawing{
	"welcome": {automation: welcome},
	"trial":   {automation: trial},
	"diamond": {automation: diamond},
	"long":    {automation: long},
	"loops":   {automation: loops},
	"cart":    {automation: cart},
	"hostile": {automation: hostile, opts: diagram.Options{Notes: map[string][]string{"end": {`<b>"note"</b>`}}}},
	"editor": {automation: trial, opts: diagram.Options{
		Link: func(key string) string { return "?step=" + key }, Selected: "is_team", Embedded: true,
		Notes: map[string][]string{"wait_for_project": {"301 here · 2 failed"}, "nudge": {"12 here", "a second line that is much too long for the step"}},
	}},
}

func TestDrawings_AreAsBefore(t *testing.T) {
	t.Parallel()
	all := maps.Clone(drawings)
	for name, run := range runs(t) {
		all[name] = drawing{trial, diagram.Options{Run: &run}}
	}
	for name, d := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			svg := diagram.SVG(d.automation, d.opts)
			wellFormed(t, svg)
			golden(t, "testdata/"+name+".svg", svg)
			golden(t, "testdata/"+name+".mmd", diagram.Mermaid(d.automation, d.opts))
			golden(t, "testdata/"+name+".dot", diagram.DOT(d.automation, d.opts))
		})
	}
}

func TestDrawings_OfManyStepsAreAsBefore(t *testing.T) {
	t.Parallel()
	svg := diagram.SVG(large(), diagram.Options{Embedded: true})
	sum := sha256.Sum256([]byte(svg))
	golden(t, "testdata/large.sha256", hex.EncodeToString(sum[:])+"\n")
}

// wellFormed asserts that a document is XML.
func wellFormed(t require.TestingT, doc string) {
	d := xml.NewDecoder(strings.NewReader(doc))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
	}
}

// Any draft has a drawing in every form.
func TestDrawings_AcceptAnyDraft(t *testing.T) {
	t.Parallel()
	texts := rapid.OneOf(rapid.SampledFrom([]string{"", "a", "b", "end", "\xff", "\u202e", "]]>", "--", "${x}"}), rapid.String())
	configs := rapid.SampledFrom([]automation.StepConfig{
		nil, (*automation.Delay)(nil), &automation.Trigger{}, automation.Condition{},
		automation.Condition{Rule: nested(30)}, automation.WaitForEvent{EventName: "x"}, automation.SendEmail{},
		automation.ContactUpdate{FirstName: automation.ValueOf(make(chan int))}, automation.ContactDelete{},
		automation.AddToSegment{}, automation.RawConfig{}, slack{},
	})
	types := rapid.SampledFrom([]automation.ConnectionType{"", "default", automation.ConnectionTimeout, automation.ConnectionConditionMet, "\n|\""})
	rapid.Check(t, func(t *rapid.T) {
		a := automation.Automation{Name: texts.Draw(t, "name")}
		for range rapid.IntRange(0, 8).Draw(t, "steps") {
			a.Steps = append(a.Steps, automation.Step{Key: texts.Draw(t, "key"), Config: configs.Draw(t, "config")})
		}
		for range rapid.IntRange(0, 8).Draw(t, "connections") {
			a.Connections = append(a.Connections, automation.Connection{
				From: texts.Draw(t, "from"), To: texts.Draw(t, "to"), Type: types.Draw(t, "type"),
			})
		}
		o := diagram.Options{
			Link: func(key string) string { return key }, Selected: texts.Draw(t, "selected"),
			Notes: map[string][]string{texts.Draw(t, "noted"): {texts.Draw(t, "note")}},
		}
		if rapid.Bool().Draw(t, "run") {
			o.Run = &automation.Run{Steps: []automation.StepRun{{Key: texts.Draw(t, "at"), Status: automation.StepStatus(texts.Draw(t, "status"))}}}
		}
		wellFormed(t, diagram.SVG(a, o))
		for line := range strings.Lines(diagram.Mermaid(a, o)) {
			assert.Contains(t, []int{0, 2}, strings.Count(line, "\""), "%s", line)
		}
		diagram.DOT(a, o)
	})
}

func nested(depth int) automation.Rule {
	r := automation.Field("event.x").Exists()
	for range depth {
		r = automation.All(r)
	}
	return r
}

func TestSVG_KeepsKeysOutOfTheMarkup(t *testing.T) {
	t.Parallel()
	svg := diagram.SVG(hostile, diagram.Options{Link: func(key string) string { return `"` + key }, Selected: "\xff"})
	wellFormed(t, svg)
	assert.NotContains(t, svg, "<script")
	assert.NotRegexp(t, `>[^<]*\x{202e}`, svg, "no text turns the direction of others")
}

// A page whose content policy is style-src 'self' can embed a picture.
func TestSVG_EmbeddedHasNoStyleOfItsOwn(t *testing.T) {
	t.Parallel()
	svg := diagram.SVG(trial, diagram.Options{Embedded: true})
	assert.NotContains(t, svg, "<style")
	assert.NotContains(t, svg, "style=")
	assert.NotRegexp(t, `\son[a-z]+=`, svg)
	assert.NotRegexp(t, `\sid=`, svg, "two pictures in a page share no id")
	assert.Contains(t, diagram.SVG(trial, diagram.Options{}), "<style>"+diagram.Style+"</style>")
}

func TestSVG_HasWordsForReadersWhoDoNotSeeIt(t *testing.T) {
	t.Parallel()
	run := runs(t)["failed"]
	svg := diagram.SVG(trial, diagram.Options{Run: &run, Notes: map[string][]string{"welcome": {"2 here"}}})
	assert.Contains(t, svg, `role="img"`)
	assert.Contains(t, svg, "<title>Trial to paid: a run, failed</title>")
	assert.Contains(t, svg, "welcome, send email: welcome-to-your-trial, completed, 2 here; leads to wait_for_project.")
	assert.Contains(t, svg, "tell_sales, custom step: acme.slack, failed; leads to mark_engaged.")
	assert.Contains(t, svg, "nudge, send email: two-minutes-to-finish, not reached; leads to pause.")
	assert.Contains(t, svg, "leads to forget (met), the end (not met).")

	linked := diagram.SVG(trial, diagram.Options{Link: func(key string) string {
		if key == "welcome" {
			return ""
		}
		return "steps?key=" + key + "&a=b"
	}, Selected: "nudge"})
	assert.Contains(t, linked, `role="group"`)
	assert.Contains(t, linked, `href="steps?key=nudge&amp;a=b"><title>nudge, send email: two-minutes-to-finish</title>`)
	assert.Contains(t, linked, `<g class="step email" data-step="welcome">`, "an empty address makes no link")
	assert.Equal(t, 1, strings.Count(linked, `aria-current="true"`))
}

var takenPath = regexp.MustCompile(`class="line taken"`)

func TestSVG_ShowsWhereARunWent(t *testing.T) {
	t.Parallel()
	all := runs(t)
	for name, want := range map[string]struct {
		taken int
		parts []string
	}{
		"failed":    {4, []string{"step custom reached failed", ">failed</text>", "step email unreached"}},
		"waiting":   {4, []string{"step delay reached waiting", ">waiting</text>"}},
		"completed": {10, []string{"end taken", ">completed</text>"}},
		"cancelled": {4, []string{"step email reached skipped", "step delay reached cancelled", ">cancelled</text>"}},
	} {
		run := all[name]
		svg := diagram.SVG(trial, diagram.Options{Run: &run, Embedded: true})
		assert.Len(t, takenPath.FindAllString(svg, -1), want.taken, name)
		for _, part := range want.parts {
			assert.Contains(t, svg, part, name)
		}
	}
}

// A wait without a connection for its outcome takes the default connection.
func TestSVG_ShowsTheDefaultConnectionOfAWait(t *testing.T) {
	t.Parallel()
	a := automation.Automation{
		Steps: []automation.Step{
			trigger("start", "a"), {Key: "wait", Config: automation.WaitForEvent{EventName: "b", Timeout: automation.MustParseDuration("1 day")}},
			email("received", "x"), email("otherwise", "y"),
		},
		Connections: []automation.Connection{
			{From: "start", To: "wait"}, {From: "wait", To: "received", Type: automation.ConnectionEventReceived}, {From: "wait", To: "otherwise"},
		},
	}
	run := automation.Run{Status: automation.RunCompleted, Step: "otherwise", Steps: []automation.StepRun{
		{Key: "start", Status: automation.StepCompleted},
		{Key: "wait", Status: automation.StepCompleted, Branch: automation.ConnectionTimeout},
		{Key: "received", Status: automation.StepSkipped},
		{Key: "otherwise", Status: automation.StepCompleted},
	}}
	text := diagram.Mermaid(a, diagram.Options{Run: &run})
	assert.Contains(t, text, `s1 ==>|"default"| s3`)
	assert.Contains(t, text, `s1 -.->|"received"| s2`)
}

func BenchmarkSVG(b *testing.B) {
	a := large()
	b.ReportAllocs()
	for b.Loop() {
		diagram.SVG(a, diagram.Options{Embedded: true})
	}
}
