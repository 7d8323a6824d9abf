package postgres

import "github.com/seed-b636437c/automation"

// waves splits transitions, by their indexes, so that no wave contains a contact twice
// and the transitions of one contact stay in the order of ts. Usually there is one
// wave.
func waves(ts []automation.Transition) [][]int {
	var waves [][]int
	counts := make(map[automation.ContactRef]int, len(ts)) // transitions so far, by contact
	for i := range ts {
		key := ts[i].Key
		if key.ID == "" {
			key.Email = automation.EmailKey(key.Email)
		}
		n := counts[key]
		counts[key]++
		if n == len(waves) {
			waves = append(waves, nil)
		}
		waves[n] = append(waves[n], i)
	}
	return waves
}
