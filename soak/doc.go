// Package soak proves that nothing is lost and nothing is doubled when processes
// and databases fail. It has no code to use: its tests start nodes, which are
// processes with a Runner on a shared store, load them with events, kill, stall
// and starve them, let the survivors finish, and then compare what the store says
// with what was sent and what arrived at the mailer.
//
// `make test` runs a short version, `make soak` a long one. These environment
// variables change it: SOAK_KILLS is how many nodes are killed for each store,
// SOAK_SEED repeats the choices of an earlier run, though not its timing.
package soak
