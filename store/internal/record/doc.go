// Package record says how the SQL stores keep records in columns, and holds what
// they decide in the same way: the key of a contact, codes, JSON columns, pages,
// and how runs are counted.
package record
