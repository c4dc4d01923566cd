package lab

import (
	"errors"
	"fmt"
	"strings"
)

// Chosen are those of all that names ask for, in their own order; a name may be
// the start of some, and no names ask for all. What they are called is for the
// error.
func Chosen[T any](what string, all []T, nameOf func(T) string, names []string) ([]T, error) {
	var some []T
	used := map[string]bool{}
	for _, one := range all {
		take := len(names) == 0
		for _, name := range names {
			if own := nameOf(one); own == name || strings.HasPrefix(own, name+"-") {
				take, used[name] = true, true
			}
		}
		if take {
			some = append(some, one)
		}
	}
	var errs []error
	for _, name := range names {
		if !used[name] {
			errs = append(errs, fmt.Errorf("there is no %s %q", what, name))
		}
	}
	return some, errors.Join(errs...)
}
