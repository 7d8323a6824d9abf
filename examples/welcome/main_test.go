package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// perform runs the program and returns what it prints.
func perform(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(context.Background(), args, &out, &errs)
	return status, out.String(), errs.String()
}

// write writes a file with this text, and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestRun_ShippedFlows(t *testing.T) {
	t.Parallel()
	for _, flow := range []string{"welcome", "payment_recovery", "trial_expiration", "all"} {
		t.Run(flow, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := perform(t, "-flow", flow)
			assert.Equal(t, exitOK, status)
			assert.Empty(t, stderr, "the shipped files are without warnings")
			golden := filepath.Join("testdata", flow+".txt")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(stdout), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), stdout)
			for _, line := range strings.Split(stdout, "\n") {
				assert.LessOrEqual(t, len([]rune(line)), 100, line)
			}
		})
	}
}

func TestRun_TheFlowsShowBothBranches(t *testing.T) {
	t.Parallel()
	_, all, _ := perform(t, "-flow", "all")
	for _, want := range []string{
		"-> condition_met", "-> condition_not_met", "-> event_received", "-> timeout",
		"skipped: unsubscribed", "starts nothing and resumes nothing", "joins segment",
	} {
		assert.Contains(t, all, want)
	}
}

func TestRun_WithoutArgumentsPlaysTheWelcomeSeries(t *testing.T) {
	t.Parallel()
	_, byDefault, _ := perform(t)
	_, welcome, _ := perform(t, "-flow", "welcome")
	assert.Equal(t, welcome, byDefault)
}

func TestRun_FilesTakeThePlaceOfTheShippedOnes(t *testing.T) {
	t.Parallel()
	_, shippedOutput, _ := perform(t)

	status, stdout, _ := perform(t, "automation.json", "events.jsonl")
	assert.Equal(t, exitOK, status)
	assert.Equal(t, shippedOutput, stdout)

	events := write(t, "one.jsonl", `{"at": "2026-01-06T09:00:00Z", "email": "joan@example.com", "name": "user.created", "payload": {"plan": "free"}}`)
	status, stdout, _ = perform(t, events)
	assert.Equal(t, exitOK, status)
	assert.Contains(t, stdout, "day 1 00:00:00   Tue 2026-01-06 09:00:00   joan@example.com")
	assert.NotContains(t, stdout, "ada@example.com")

	status, stdout, _ = perform(t, "-start", "2030-06-01T00:00:00Z", "payment_recovery.json", "trial_expiration.json", "trial_expiration.jsonl")
	assert.Equal(t, exitOK, status)
	assert.Contains(t, stdout, "Sat 2030-06-01 00:00:00")
	assert.NotContains(t, stdout, "Welcome series")
}

func TestRun_InRealTimeItEndsWhenNothingIsDue(t *testing.T) {
	t.Parallel()
	events := write(t, "one.jsonl", `{"at": "0s", "email": "joan@example.com", "name": "user.created", "payload": {"plan": "free"}}`)
	status, stdout, stderr := perform(t, "-real", "-speed", "1000000", events)
	assert.Equal(t, exitOK, status, stderr)
	for _, line := range []string{`"welcome" to joan`, "-> timeout", `"finish-setup" to joan`, `"check-in" to joan`, "completed"} {
		assert.Contains(t, stdout, line)
	}
}

func TestRun_InRealTimeAnInterruptEndsIt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	started := &signalWriter{when: "waits for setup.progress", do: cancel}
	var stderr bytes.Buffer
	assert.Equal(t, exitOK, run(ctx, []string{"-real"}, started, &stderr), stderr.String())
	assert.Error(t, ctx.Err())
}

// signalWriter calls do after a line that contains the text when.
type signalWriter struct {
	when string
	do   func()
}

func (w *signalWriter) Write(p []byte) (int, error) {
	if strings.Contains(string(p), w.when) {
		w.do()
	}
	return len(p), nil
}

func TestRun_BadAutomationFiles(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		want string // after the path of the file
	}{
		"broken JSON": {
			"{\n  \"name\": \"x\",\n  \"steps\": [,]\n}",
			"line 3",
		},
		"unknown field": {
			`{"name":"x","steps":[{"key":"a","type":"trigger","config":{"event":"x"}}],"connections":[]}`,
			`steps[0].config.event: there is no field "event"`,
		},
		"bad duration": {
			`{"name":"x","steps":[{"key":"a","type":"trigger","config":{"event_name":"e"}},{"key":"b","type":"delay","config":{"duration":"3 dayz"}}],"connections":[{"from":"a","to":"b"}]}`,
			`steps[1].config.duration: step "b": duration "3 dayz" is not understood`,
		},
		"connection to nowhere": {
			`{"name":"x","steps":[{"key":"a","type":"trigger","config":{"event_name":"e"}}],"connections":[{"from":"a","to":"z"}]}`,
			`connections[0].to: `,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := write(t, "flow.json", tt.text)
			status, stdout, stderr := perform(t, path)
			assert.Equal(t, exitFailed, status)
			assert.Empty(t, stdout)
			assert.Contains(t, stderr, path+": ")
			assert.Contains(t, stderr, tt.want)
		})
	}
}

func TestRun_BadEventFiles(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ line, want string }{
		"broken JSON":      {`{"at":`, "not a JSON object: unexpected end of JSON input"},
		"not an object":    {`null`, "not a JSON object: it is null"},
		"unknown field":    {`{"at":"0s","emial":"a@example.com","name":"x"}`, "emial: unknown field; known are at, contact, email, name, payload"},
		"wrong type":       {`{"at":"0s","email":3,"name":"x"}`, "email: must be a string, not a number"},
		"no email":         {`{"at":"0s","name":"x"}`, "email: is missing"},
		"no name":          {`{"at":"0s","email":"a@example.com"}`, "name: is missing"},
		"no time":          {`{"email":"a@example.com","name":"x"}`, `at: "" is neither`},
		"bad duration":     {`{"at":"1 dey","email":"a@example.com","name":"x"}`, `at: "1 dey" is neither a time after the start`},
		"before the start": {`{"at":"2020-01-01T00:00:00Z","email":"a@example.com","name":"x"}`, "at: 2020-01-01T00:00:00Z is before the start, 2026-01-05T09:00:00Z"},
		"payload":          {`{"at":"0s","email":"a@example.com","name":"x","payload":[1]}`, "payload: must be an object"},
		"contact":          {`{"at":"0s","email":"a@example.com","contact":"x"}`, "contact: must be an object"},
		"contact field":    {`{"at":"0s","email":"a@example.com","contact":{"unsubscribed":"yes"}}`, "contact.unsubscribed: must be a bool, not a string"},
		"both":             {`{"at":"0s","email":"a@example.com","name":"x","contact":{}}`, "contact: a line has either"},
		"reserved name":    {`{"at":"0s","email":"a@example.com","name":"resend:x"}`, `name: must not begin with "resend:"`},
		"bad address":      {`{"at":"0s","email":"nobody","name":"x"}`, `email: "nobody" is not an email address`},
		"bad contact":      {`{"at":"0s","email":"a@example.com","contact":{"properties":{"x":[]}}}`, "properties.x: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := write(t, "bad.jsonl", "\n"+tt.line+"\n")
			status, stdout, stderr := perform(t, path)
			assert.Equal(t, exitFailed, status)
			assert.Empty(t, stdout)
			assert.Contains(t, stderr, path+":2: "+tt.want)
		})
	}
}

func TestRun_ReportsAllBadLinesTogether(t *testing.T) {
	t.Parallel()
	path := write(t, "bad.jsonl", "{}\n\n[]\n")
	_, _, stderr := perform(t, path)
	assert.Contains(t, stderr, path+":1: ")
	assert.Contains(t, stderr, path+":3: ")
}

func TestRun_MissingFile(t *testing.T) {
	t.Parallel()
	status, _, stderr := perform(t, "nowhere/automation.json")
	assert.Equal(t, exitFailed, status)
	assert.Equal(t, "open nowhere/automation.json: no such file or directory\n", stderr)
}

func TestRun_WarnsAndPlays(t *testing.T) {
	t.Parallel()
	path := write(t, "flow.json", `{"name":"x","steps":[{"key":"a","type":"trigger","config":{"event_name":"user.created"}},
		{"key":"b","type":"wait_for_event","config":{"event_name":"never"}}],"connections":[{"from":"a","to":"b"}]}`)
	status, stdout, stderr := perform(t, path)
	assert.Equal(t, exitOK, status)
	assert.Contains(t, stdout, "waits for never, however long")
	assert.Contains(t, stderr, path+": warning: steps[1]")
}

func TestRun_Usage(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args   []string
		status int
		want   string
	}{
		"help":          {[]string{"-h"}, exitOK, "usage: welcome"},
		"unknown flag":  {[]string{"-fast"}, exitUsage, "flag provided but not defined: -fast"},
		"unknown flow":  {[]string{"-flow", "none"}, exitUsage, `welcome: -flow "none" is none of welcome, payment_recovery`},
		"no speed":      {[]string{"-real", "-speed", "0"}, exitUsage, "welcome: -speed 0 must be more than 0"},
		"bad start":     {[]string{"-start", "monday"}, exitUsage, `welcome: -start "monday" is not a time`},
		"unknown files": {[]string{"flow.yaml"}, exitUsage, "welcome: flow.yaml: the name ends neither in .json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := perform(t, tt.args...)
			assert.Equal(t, tt.status, status)
			assert.Empty(t, stdout)
			assert.Contains(t, stderr, tt.want)
			assert.Contains(t, stderr, "usage: welcome")
		})
	}
}

func TestRun_FailsIfItCannotPrint(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no /dev/full")
	}
	defer full.Close()
	var stderr bytes.Buffer
	assert.Equal(t, exitFailed, run(context.Background(), nil, full, &stderr))
	assert.Contains(t, stderr.String(), "no space left on device")
}

// build builds the program and returns its path.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "welcome")
	out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	return binary
}

func TestBinary_WorksFromAnyFolder(t *testing.T) {
	t.Parallel()
	binary := build(t)
	cmd := exec.Command(binary)
	cmd.Dir = t.TempDir()
	stdout, err := cmd.Output()
	require.NoError(t, err)
	want, err := os.ReadFile("testdata/welcome.txt")
	require.NoError(t, err)
	assert.Equal(t, string(want), string(stdout))

	var exit *exec.ExitError
	require.ErrorAs(t, exec.Command(binary, "nowhere.json").Run(), &exit)
	assert.Equal(t, exitFailed, exit.ExitCode())
	require.ErrorAs(t, exec.Command(binary, "-fast").Run(), &exit)
	assert.Equal(t, exitUsage, exit.ExitCode())
}
