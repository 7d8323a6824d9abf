package observe

import "github.com/seed-b636437c/automation"

// Tee returns an Observer that passes each notice to all observers, in their order. It
// ignores those that are nil.
func Tee(observers ...automation.Observer) automation.Observer {
	var t tee
	for _, o := range observers {
		if o != nil {
			t = append(t, o)
		}
	}
	return t
}

type tee []automation.Observer

// Observe implements automation.Observer.
func (t tee) Observe(n automation.Notice) {
	for _, o := range t {
		o.Observe(n)
	}
}
