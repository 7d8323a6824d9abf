package browser_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkFirstPaint measures from the request to the first paint of a page.
func BenchmarkFirstPaint(b *testing.B) {
	s := newSite(b)
	s.populate()
	s.Create(large())
	for name, path := range map[string]string{"automations": "/", "automation": "/a/welcome", "large": "/a/large", "runs": "/runs"} {
		b.Run(name, func(b *testing.B) {
			page := newTab(b, s)
			total := 0.0
			for b.Loop() {
				page.open(path)
				page.until("performance.getEntriesByName('first-contentful-paint').length")
				total += eval[float64](page, "performance.getEntriesByName('first-contentful-paint')[0].startTime")
			}
			b.ReportMetric(total/float64(b.N), "ms/paint")
			b.ReportMetric(0, "ns/op") // it would include the driver of the browser
		})
	}
}

// BenchmarkEdit measures from an edit in a flow of 150 steps to its drawing.
func BenchmarkEdit(b *testing.B) {
	s := newSite(b)
	s.Create(large())
	page := newTab(b, s)
	page.open("/a/large/edit")
	page.until("document.querySelectorAll('.node').length === 150")
	total := 0.0
	for b.Loop() {
		total += eval[float64](page, `new Promise(done => {
			const button = [...document.querySelectorAll('button')].find(e => ['Undo', 'Redo'].includes(e.innerText) && !e.disabled)
			if (!button) {
				document.querySelector('.title').value = 'Larger'
				document.querySelector('.title').dispatchEvent(new Event('change'))
			}
			const began = performance.now()
			const seen = new PerformanceObserver(list => {
				if (!list.getEntries().some(e => e.name.endsWith('/check'))) return
				seen.disconnect()
				requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)))
			})
			seen.observe({entryTypes: ['resource']})
			if (button) button.click()
		})`)
	}
	require.Positive(b, total)
	b.ReportMetric(total/float64(b.N), "ms/edit")
	b.ReportMetric(0, "ns/op") // it would include the driver of the browser
}
