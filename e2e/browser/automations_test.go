package browser_test

import "testing"

func TestExamples_AreAccessible(t *testing.T) {
	t.Parallel()
	b := newTab(t, newSite(t))
	b.open("/")
	b.everyLook(func(look string) { b.accessible("/ without automations, " + look) })
}
