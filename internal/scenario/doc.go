// Package scenario holds the black-box tests of the Runner. Each file is about one
// behaviour, and the name of a test is the statement that the test proves.
//
//	sending, idempotency, transactions, definitions   accepting events
//	ordering, waiting, branches, data, scale          how runs continue
//	delivery, retrying, custom_steps                  performing effects
//	leases, recovery, outages, decoding, deploying    failures of nodes and stores
//	hostile                                           code of the host that misbehaves
//	versions, contact_changes, cancelling             changes during a run
//	contacts, segments, directory, privacy            contacts and their data
//	scheduling, waking, draining, stopping            how Run and Drain work
//	managing, applying, listing, observing, options   the methods that an application calls
//	promises                                          whether the tests in docs/promises.md exist
//
// A new test goes into the file of the behaviour that is broken if the test fails. It
// begins with world.New, and moves time with World.Pass:
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
// w.Node(w.Opts) returns a second node. The hooks of w.Store make things go wrong. A test
// of Run, instead of Drain, runs in world.Bubble with world.InBubble. There world.Advance
// makes time pass, and a world.Gate holds emails in flight. No test sleeps in real time.
//
// The behaviour of stores is tested in package storetest, and pure functions are tested
// in their own packages.
package scenario
