// Package soak tests that nothing is lost and nothing is doubled when processes and
// databases fail. It has only tests. They start nodes, which are processes with a Runner on
// a shared store, load the nodes with events, and kill, stall and starve them. Meanwhile the nodes
// cancel and retry runs, delete and erase contacts, and prune what is old. After the
// remaining nodes have finished all work, the tests compare the content of the store, and what was
// pruned, with the events that were sent and the emails that arrived at the mailer.
//
// `make test` runs a short version, `make soak` a long one. Two environment variables
// change the tests: SOAK_KILLS is how many nodes are killed for each store; from 20 on, bulks
// have 100,000 contacts. SOAK_SEED repeats the random choices of an earlier run, but not its timing.
package soak
