package record

import "github.com/seed-b636437c/automation"

// Waves splits transitions, by their indexes, such that no contact is twice in a
// wave and those of one contact are in the order of ts. Most often there is one
// wave.
func Waves(ts []automation.Transition) [][]int {
	var waves [][]int
	seen := make(map[automation.ContactRef]int, len(ts)) // how many of a contact there were
	for i := range ts {
		key := ts[i].Key
		if key.ID == "" {
			key.Email = automation.EmailKey(key.Email)
		}
		n := seen[key]
		seen[key]++
		if n == len(waves) {
			waves = append(waves, nil)
		}
		waves[n] = append(waves[n], i)
	}
	return waves
}
