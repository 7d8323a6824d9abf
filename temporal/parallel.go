package temporal

import (
	"errors"
	"sync"
)

// callsAtOnce is how many calls of the server one call of the store makes at the same time.
const callsAtOnce = 32

// inParallel calls do for each element of m, and returns all errors.
func inParallel[V any](m map[string]V, do func(key string, v V) error) error {
	var (
		mu   sync.Mutex
		errs []error
		all  sync.WaitGroup
	)
	free := make(chan struct{}, callsAtOnce)
	for key, v := range m {
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			if err := do(key, v); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
