package postgres

import (
	"slices"
	"sync"

	"github.com/seed-b636437c/automation"
)

// foresight is a claimer that reads the work of contacts before it is known whether the claim
// gets their leases, in the transaction that takes these. A claim that has foreseen its contacts
// saves a round trip, and this is the one between an event and the first step of its run on an
// idle engine.
//
// The statements that read come after the one that takes the leases, and each sees what was
// committed before it began. So they see all that earlier holders of the leases have written.
type foresight struct {
	claimer
	crowded bool // a contact may have more events than the claim brings
}

// crowded returns the owners that have more than $2 pending events. It relies on the primary key
// of pending.
//
// The statements of a foresight do not share a snapshot. While the contact is leased, its pending
// events only become more. If they are few after the waiting runs were read, they were few before,
// and the runs that listen to any of these events were found. The contact is read last, so it is
// there if one of its events is; it cannot be deleted meanwhile.
const crowded = `
SELECT o.owner FROM unnest($1::bytea[]) AS o (owner)
WHERE (SELECT true FROM automation.pending p WHERE p.owner = o.owner LIMIT 1 OFFSET $2::int)`

// foresee returns a foresight for a claim. It is nil if the claim may bring any contact.
func (s *Store) foresee(p automation.ClaimParams) *foresight {
	of := owners{ownerOf(p.Contact)}
	if p.Contact == (automation.ContactRef{}) {
		of = s.sent.take()
	}
	if len(of) == 0 || len(of) > p.Limit && p.Contact == (automation.ContactRef{}) {
		return nil
	}
	held := make([]heldLease, len(of))
	for i, owner := range of {
		held[i].owner = owner
	}
	return &foresight{claimer: *newClaimer(s, p, held)}
}

// query discards what was read, and adds the statements that read it. A nil foresight adds none.
func (f *foresight) query(sc *script) {
	if f == nil {
		return
	}
	f.queryWork(sc)
	f.crowded = false
	sc.query(func(scan scanFunc) error {
		var owner ownerKey
		f.crowded = true
		return scan(&owner)
	}, crowded, f.owners, f.params.Events)
}

// foresaw reports whether f has read the work of exactly the leased contacts, and gives it the
// tokens of the leases.
func (f *foresight) foresaw(held []heldLease) bool {
	if f == nil || f.crowded || len(held) != len(f.owners) {
		return false
	}
	for _, l := range held {
		i, ok := f.indexes[l.owner]
		if !ok {
			return false
		}
		f.works[i].Token = l.token
	}
	return true
}

// sentOwners are the contacts of the events that this process has sent since its last claim of due
// work. On an idle engine they are what the next claim brings. It is safe for concurrent use.
type sentOwners struct {
	mu     sync.Mutex
	owners owners
	many   bool // more than maxForeseen, and owners is empty
}

// maxForeseen bounds a foresight, because it reads while other claims wait.
const maxForeseen = 8

func (s *sentOwners) add(of owners) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, owner := range of {
		if s.many {
			return
		}
		if !slices.Contains(s.owners, owner) {
			s.owners = append(s.owners, owner)
		}
		if len(s.owners) > maxForeseen {
			s.owners, s.many = nil, true
		}
	}
}

// take returns the contacts, and none if they are many.
func (s *sentOwners) take() owners {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.owners
	s.owners, s.many = nil, false
	return of
}
