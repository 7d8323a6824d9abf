// Package upgrade tests what a process of an older release does while the tables are migrated
// under it, and beside processes of this release. It has only tests. They build the older process
// from an older commit of this repository, so they need git and the history: in a shallow clone,
// and without git, they are skipped.
package upgrade
