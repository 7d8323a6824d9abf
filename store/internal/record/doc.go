// Package record holds what the stores decide in the same way, and how the SQL stores
// write records into columns. It has the key of a contact, codes, JSON columns, pages,
// counters, idempotency keys, the effect of requests, and the errors for what a store
// refuses. It contains no SQL.
package record
