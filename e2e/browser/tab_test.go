package browser_test

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// patience is how long an action of a browser may take before a test fails.
const patience = 30 * time.Second

// chromium is the browser that all tests share.
var chromium context.Context

func TestMain(m *testing.M) {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	var end context.CancelFunc
	chromium, end = chromedp.NewContext(allocator)
	if err := chromedp.Do(chromium); err != nil { // starts the browser
		fmt.Fprintln(os.Stderr, "e2e-browser: Chromium does not start. Run make e2e-browser, which installs it:", err)
		os.Exit(1)
	}
	status := m.Run()
	end()
	stop()
	os.Exit(status)
}

// tab is a tab of the browser. A test fails if a page in it reports an error, which includes
// violations of its content policy.
type tab struct {
	t    testing.TB
	ctx  context.Context
	site *site

	mu        sync.Mutex
	complaint []string // errors on the console
	expected  []string // parts of errors that the test expects
}

// newTab opens a tab, which is as wide as a laptop.
func newTab(t testing.TB, s *site) *tab {
	t.Helper()
	b := &tab{t: t, site: s}
	ctx, closeTab := chromedp.NewContext(chromium, chromedp.WithNewBrowserContext(), chromedp.WithListener(b.hear))
	ctx, cancel := context.WithTimeout(ctx, 4*patience)
	b.ctx = ctx
	t.Cleanup(func() {
		b.check()
		cancel()
		closeTab()
	})
	require.NoError(t, chromedp.Do(ctx)) // opens the tab, which lasts as long as ctx
	b.resize(1280, 900)
	return b
}

// hear keeps the errors of a page.
func (b *tab) hear(event any) {
	text := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text = e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text = e.ExceptionDetails.Exception.Description
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == "error" {
			text = e.Entry.Text + " " + e.Entry.URL
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" && len(e.Args) > 0 {
			text = string(e.Args[0].Value) + e.Args[0].Description
		}
	}
	if text != "" {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.complaint = append(b.complaint, text)
	}
}

// expect allows an error on the console that contains the text.
func (b *tab) expect(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = append(b.expected, text)
}

// check fails the test for each error that it did not expect.
func (b *tab) check() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, text := range b.complaint {
		allowed := slices.ContainsFunc(b.expected, func(part string) bool { return strings.Contains(text, part) })
		assert.True(b.t, allowed, "the console has an error: %s", text)
	}
}

// do performs actions.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	require.NoError(b.t, chromedp.Do(ctx, actions...))
}

// open opens a path of the site.
func (b *tab) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.site.url + path))
}

// click clicks on what a CSS selector selects, once it is visible.
func (b *tab) click(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

// see waits until what a CSS selector selects is visible.
func (b *tab) see(selector string) {
	b.t.Helper()
	b.do(chromedp.WaitVisible(chromedp.CSS(selector)))
}

// until waits until a JavaScript expression is true.
func (b *tab) until(expression string) {
	b.t.Helper()
	require.Eventually(b.t, func() bool { return eval[bool](b, "!!("+expression+")") }, patience, 20*time.Millisecond, expression)
}

// eval returns the value of a JavaScript expression.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err, expression)
	return value
}

// resize makes the tab as large as a screen.
func (b *tab) resize(width, height int64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, height))
}

// theme chooses the colours: light or dark.
func (b *tab) theme(name string) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
		})
		return err
	}))
}

// withoutScripts switches JavaScript off.
func (b *tab) withoutScripts() {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
}
