// Package storebench measures a Runner on a store: the same work on each of them.
package storebench
