package browser_test

import "testing"

func TestEmptyPages_AreAccessible(t *testing.T) {
	t.Parallel()
	b := newTab(t, newSite(t))
	for _, path := range []string{"/", "/runs", "/contacts", "/events", "/templates", "/search", "/new", "/events/new", "/events/send"} {
		b.open(path)
		b.everyLook(func(look string) {
			b.accessible(path + " without data, " + look)
			b.picture("/empty"+path, look)
		})
	}
}
