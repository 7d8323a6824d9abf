package postgres

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// place is a row of places without its number. Runs with the same values here have one place,
// which they refer to by its number, and whose runs are counted together. A place is never
// changed or removed: there are as many as steps of versions at which runs have stood.
type place struct {
	automationID string
	version      int
	status       int16
	step         string
	eventName    string
}

func placeOf(r *automation.RunRecord) place {
	return place{r.AutomationID, r.Version, record.StatusCode(r.Status), r.Step, r.EventName}
}

func (p place) compare(o place) int {
	return cmp.Or(cmp.Compare(p.automationID, o.automationID), cmp.Compare(p.version, o.version), cmp.Compare(p.status, o.status),
		cmp.Compare(p.step, o.step), cmp.Compare(p.eventName, o.eventName))
}

// placeNumbers are the numbers of places.
type placeNumbers map[place]int32

// of returns the number of a run's place.
func (n placeNumbers) of(r *automation.RunRecord) int32 { return n[placeOf(r)] }

// placesOf returns the places of runs.
func placesOf(runs [][]automation.RunChange) iter.Seq[place] {
	return func(yield func(place) bool) {
		for _, rs := range runs {
			for i := range rs {
				if !yield(placeOf(&rs[i].RunRecord)) {
					return
				}
			}
		}
	}
}

// Both rely on places_key. A process that inserts a place that another one is inserting waits
// for it, and then finds the place with findPlaces.
const (
	insertPlaces = `
INSERT INTO automation.places (automation_id, version, status, step, event_name)
SELECT unnest($1::text[]), unnest($2::int[]), unnest($3::smallint[]), unnest($4::text[]), unnest($5::text[])
ON CONFLICT DO NOTHING`

	findPlaces = `
SELECT p.automation_id, p.version, p.status, p.step, p.event_name, p.no
FROM unnest($1::text[], $2::int[], $3::smallint[], $4::text[], $5::text[]) AS u (automation_id, version, status, step, event_name)
CROSS JOIN LATERAL (
	SELECT * FROM automation.places p
	WHERE (p.automation_id, p.version, p.status, p.step, p.event_name) = (u.automation_id, u.version, u.status, u.step, u.event_name) LIMIT 1
) p`
)

// numberPlaces returns the numbers of the places of runs. It inserts the places that the database
// does not have, in a transaction of its own: a number that is remembered exists, whatever
// becomes of the transaction that uses it first.
func (s *Store) numberPlaces(ctx context.Context, runs ...[]automation.RunChange) (placeNumbers, error) {
	numbers := placeNumbers{}
	others := s.places.take(placesOf(runs), numbers)
	if len(others) == 0 {
		return numbers, nil
	}
	slices.SortFunc(others, place.compare) // all transactions insert places in this order
	others = slices.Compact(others)
	var automations, steps, names []string
	var versions []int32
	var statuses []int16
	for _, p := range others {
		automations, versions, statuses = append(automations, p.automationID), append(versions, int32(p.version)), append(statuses, p.status)
		steps, names = append(steps, p.step), append(names, p.eventName)
	}
	found := placeNumbers{}
	err := s.transact(ctx, func(tx *transaction) error {
		clear(found)
		var sc script
		sc.exec(insertPlaces, automations, versions, statuses, steps, names)
		sc.query(func(scan scanFunc) error {
			var p place
			var no int32
			err := scan(&p.automationID, &p.version, &p.status, &p.step, &p.eventName, &no)
			found[p] = no
			return err
		}, findPlaces, automations, versions, statuses, steps, names)
		return tx.commit(ctx, sc)
	})
	if err == nil && len(found) < len(others) {
		err = fmt.Errorf("the database has %d of %d places that it was given", len(found), len(others))
	}
	if err != nil {
		return nil, fmt.Errorf("number the places of runs: %w", err)
	}
	s.places.note(found)
	maps.Copy(numbers, found)
	return numbers, nil
}

// lockPlaces keeps other transactions from inserting places, to the end of the transaction. A
// statement after it therefore knows all places at which runs can stand meanwhile. It does not
// wait for commits.
const lockPlaces = `LOCK TABLE automation.places IN SHARE MODE`
