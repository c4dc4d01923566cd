package plan

import (
	"fmt"

	"github.com/s3haul/s3haul/walker"
)

// skips remembers what one side has skipped, as far as it concerns the keys
// that are still to come. Skips that nobody needs to be told of are kept
// apart, so that what follows from them is as quiet.
type skips struct {
	loud, quiet walker.Lineage
	// all is set where the root itself was skipped: everything is below it.
	all, allQuiet bool
}

func (s *skips) add(skip *walker.Skipped) {
	switch {
	case skip.Key == "" && skip.Quiet:
		s.allQuiet = true
	case skip.Key == "":
		s.all = true
	case skip.Quiet:
		s.quiet.Push(skip.Key)
	default:
		s.loud.Push(skip.Key)
	}
}

// cover says whether key lies below a name that was skipped: a directory
// ("d/"), or a name without a '/' at its end, which may have been a link to one.
func (s *skips) cover(key string) (covered, quiet bool) {
	if s.all || above(&s.loud, key) {
		return true, false
	}
	if s.allQuiet || above(&s.quiet, key) {
		return true, true
	}
	return false, false
}

func above(l *walker.Lineage, key string) bool {
	l.MoveTo(key)
	_, ok := l.Above(key)
	return ok
}

// checkSkip returns err where it ends a walk, and nil where it is a skip that
// stands in its place: one in the wrong place would let deletes pass that it
// has to stop.
func checkSkip(e walker.Entry, err error) error {
	skip := walker.AsSkipped(err)
	if skip == nil {
		return err
	}
	if skip.Key != e.Key {
		return fmt.Errorf("%w: %q is skipped in the place of %q", walker.ErrOrder, skip.Key, e.Key)
	}
	return nil
}
