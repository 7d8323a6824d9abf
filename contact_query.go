package automation

import "slices"

// ContactQuery selects contacts. A zero field selects all of them.
//
// Without EmailPrefix, contacts are listed from newest to oldest. With it, they are listed
// in the order of EmailKey(Email), compared byte by byte, and PageQuery.After selects the
// contacts whose emails come later in this order.
type ContactQuery struct {
	// Segment is the id of a segment that the contact belongs to.
	Segment string
	// EmailPrefix is what the contact's email begins with, without regard to case. No
	// character of it is a wildcard. It has at most 255 bytes of UTF-8, without control
	// characters. The cost of a page does not depend on how many contacts there are. With a
	// Segment of more than 2,000 members, the SQL stores read the contacts with the prefix
	// until the page is full, which is slow if hardly any of them is in the segment.
	EmailPrefix string
	PageQuery
}

// Check sets a zero Limit to its default. It returns a *ValidationError if the query is
// invalid. A Runner checks every query before it calls its Store or its ContactDirectory.
func (q *ContactQuery) Check() error {
	var ps Problems
	if flaw := idFlaw(q.EmailPrefix); flaw != "" {
		ps.Add(CodeInvalidEmail, "email_prefix", "%s", flaw)
	}
	addFilter(&ps, "segment", q.Segment)
	if err := ps.Err("contacts"); err != nil {
		return err
	}
	return q.PageQuery.Check()
}

// maxContactIDs is how many contacts GetContacts looks up at once.
const maxContactIDs = 1000

// contactIDs returns the ids that a contact can have, each once. It returns a
// *ValidationError if there are more than maxContactIDs of them.
func contactIDs(ids []string) ([]string, error) {
	ids = slices.DeleteFunc(distinct(ids), func(id string) bool { return id == "" || resourceFlaw(id) != "" })
	if len(ids) > maxContactIDs {
		var ps Problems
		ps.Add(CodeLimit, "ids", "must be at most %d different ids, not %d: split them into several calls", maxContactIDs, len(ids))
		return nil, ps.Err("contacts")
	}
	return ids, nil
}
