// Package scenario holds the tests of the Runner: what happens to events, runs and
// contacts, seen from outside. There is one file for each behaviour, and each test is
// named after what it shows.
//
//	sending, idempotency, transactions, definitions   how events get in
//	ordering, waiting, branches, data, scale          how runs go on
//	delivery, retrying, custom_steps                  how effects are performed
//	leases, recovery, outages, decoding, deploying    what may go wrong with nodes and stores
//	versions, contact_changes, cancelling             what changes under a run
//	contacts, segments, directory, privacy            what is stored about people
//	scheduling, waking, draining, stopping            how Run and Drain work
//	managing, applying, listing, observing, options   what the application calls
//	promises                                          that docs/promises.md names tests that exist
//
// A new test goes into the file of the behaviour that would be broken if it failed.
// It begins with world.New, and moves time with World.Pass:
//
//	func TestWait_EndsAtItsTimeout(t *testing.T) {
//		t.Parallel()
//		w := world.New(t, automation.Options{})
//		w.Create(world.Flow("welcome", "signup", world.WaitUpTo("wait", "active", "1 hour"), world.Email("hello")))
//		w.Send(world.Signup("ada@example.com"))
//		w.Drain()
//		w.Pass(time.Hour - time.Microsecond)
//		assert.Empty(t, w.Sent())
//		w.Pass(time.Microsecond)
//		assert.Equal(t, []string{"hello"}, w.Sent())
//	}
//
// A second node is w.Node(w.Opts). What goes wrong is a hook of w.Store. A test of Run,
// rather than of Drain, runs in world.Bubble on world.InBubble: there time passes with
// world.Advance, and a world.Gate holds emails in flight. No test sleeps in real time.
//
// How a store behaves is tested in package storetest, and pure functions where they are.
package scenario
