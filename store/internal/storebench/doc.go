// Package storebench measures a Runner on a store, with the same work on each store.
package storebench
