package postgres

import (
	"iter"
	"maps"
	"sync"
)

// knownNumbers remembers the numbers that the database has given to rows which never change:
// places, and sets of what runs listen to. It is safe for concurrent use.
type knownNumbers[K comparable] struct {
	mu      sync.Mutex
	numbers map[K]int32
}

// take adds the numbers of those keys that are remembered to numbers, and returns the others.
func (k *knownNumbers[K]) take(keys iter.Seq[K], numbers map[K]int32) (others []K) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for key := range keys {
		if no, ok := k.numbers[key]; ok {
			numbers[key] = no
		} else {
			others = append(others, key)
		}
	}
	return others
}

// note remembers numbers that the database has, up to maxRemembered.
func (k *knownNumbers[K]) note(numbers map[K]int32) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.numbers == nil || len(k.numbers) >= maxRemembered {
		k.numbers = map[K]int32{}
	}
	maps.Copy(k.numbers, numbers)
}
