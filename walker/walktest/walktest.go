// Package walktest is the contract of [walker.Source] as a test suite. The
// tests of each Source run it.
package walktest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/s3haul/s3haul/walker"
)

// Suite says how the Source under test is made, and what it cannot have.
type Suite struct {
	// Make makes a Source that has exactly these files: sizes in bytes, of at
	// most a few thousand, by key. It is called several times in one test, and
	// what it makes may be left to the t.Cleanup of the t that it is given.
	Make func(t *testing.T, files map[string]int64) walker.Source
	// Refuses says that what is behind the Source cannot have a file of this
	// name, because of a character or its length. nil refuses nothing.
	Refuses func(key string) bool
	// Extra are more files to have among the odd names: what only this kind
	// of Source can hold, such as "a" beside "a/b" in a bucket.
	Extra map[string]int64
	// Leaks name the goroutines that may outlive a walk, such as those of idle
	// connections; see goleak.IgnoreAnyFunction.
	Leaks []goleak.Option
}

// Run runs the suite. The subtests are not parallel: they count goroutines.
func (s Suite) Run(t *testing.T) {
	t.Helper()
	odd := s.allowed(oddNames())
	maps.Copy(odd, s.Extra)
	even := make(map[string]int64)
	for i := range 30 {
		even[fmt.Sprintf("d%d/e%d/f%02d", i%3, i%2, i)] = int64(i)
	}
	one := map[string]int64{"only": 3}

	for name, files := range map[string]map[string]int64{"empty": {}, "one": one, "even": even, "odd": odd} {
		t.Run(name, func(t *testing.T) {
			t.Run("Whole", func(t *testing.T) { report(t, whole(t.Context(), s.Make(t, files), files)) })
			t.Run("Again", func(t *testing.T) { report(t, again(t.Context(), s.Make(t, files), files)) })
			t.Run("Together", func(t *testing.T) { report(t, together(t.Context(), s.Make(t, files), files)) })
			t.Run("Ended", func(t *testing.T) { report(t, ended(t.Context(), s.Make(t, files))) })
			if len(files) == 0 {
				return
			}
			t.Run("Break", func(t *testing.T) {
				report(t, stopped(t.Context(), s.Make(t, files), len(files), s.Leaks))
			})
			t.Run("Cancel", func(t *testing.T) {
				report(t, cancelled(t.Context(), s.Make(t, files), len(files), s.Leaks))
			})
		})
	}
}

func report(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func (s Suite) allowed(names []string) map[string]int64 {
	files := make(map[string]int64)
	for i, n := range names {
		if s.Refuses == nil || !s.Refuses(n) {
			files[n] = int64(i)
		}
	}
	return files
}

// oddNames are names that have been taken for something else, or sorted wrong.
func oddNames() []string {
	return []string{
		// '-' and '.' sort before the '/' of a directory, '0' after it.
		"a-b", "a.b", "a/c", "a/c.d", "a/c-d", "a/d/e", "a0", "a/d0", "foo.txt", "foo/bar", "foo0/bar", "foo-bar/baz",
		"z/y/x/w/v/u/t", "z/y/x/w/v-", "z/y/x-", "z.",
		"space in the name", " leading", "trailing ", "tab\there", "new\nline", "carriage\rreturn", "bell\a", "del\x7f",
		"plus+plus", "percent%2Fescape", "percent%", "%", "a&b", "<tag>", "'single'", `"double"`, `back\slash`, "&amp;",
		"question?", "star*", "[set]", "{brace}", "#hash", "semi;colon", "co:lon", "equal=sign", "~", "$HOME", "-leading",
		"--recursive", ".hidden", "..two", "...", ".dir/x",
		"nfc-\u00e9", "nfd-e\u0301", "euro-€", "emoji-\U0001F600", "private-\ue000", "last-\U0010ffff", "rtl-\u05d0\u05d1",
		"UPPER", "upper", strings.Repeat("n", 255), strings.Repeat("é", 127) + "/" + strings.Repeat("x", 255),
	}
}

// whole walks once, and compares with what should be there.
func whole(ctx context.Context, src walker.Source, files map[string]int64) error {
	var keys []string
	for e, err := range src.Walk(ctx) {
		if err != nil {
			return fmt.Errorf("at %q: %w", e.Key, err)
		}
		size, ok := files[e.Key]
		switch {
		case !ok:
			return fmt.Errorf("%q was yielded and not made", e.Key)
		case e.Size != size:
			return fmt.Errorf("%q has a size of %d, not %d", e.Key, e.Size, size)
		case e.ModTime.IsZero():
			return fmt.Errorf("%q has no time", e.Key)
		}
		keys = append(keys, e.Key)
	}
	if src.Ordered() {
		if i := firstBehind(keys); i > 0 {
			return fmt.Errorf("%w: %q came after %q", walker.ErrOrder, keys[i], keys[i-1])
		}
	}
	slices.Sort(keys)
	if i := firstBehind(keys); i > 0 {
		return fmt.Errorf("%q came twice", keys[i])
	}
	if want := slices.Sorted(maps.Keys(files)); !slices.Equal(keys, want) {
		for _, k := range want {
			if _, found := slices.BinarySearch(keys, k); !found {
				return fmt.Errorf("%q was not yielded; %d of %d were", k, len(keys), len(want))
			}
		}
	}
	return nil
}

// firstBehind returns the first index whose key is not after the one before,
// or 0.
func firstBehind(keys []string) int {
	for i := 1; i < len(keys); i++ {
		if keys[i] <= keys[i-1] {
			return i
		}
	}
	return 0
}

// again walks one Source twice, with a walk in between that is not finished.
func again(ctx context.Context, src walker.Source, files map[string]int64) error {
	if err := whole(ctx, src, files); err != nil {
		return fmt.Errorf("first walk: %w", err)
	}
	for range src.Walk(ctx) {
		break
	}
	if err := whole(ctx, src, files); err != nil {
		return fmt.Errorf("walk after an unfinished one: %w", err)
	}
	seq := src.Walk(ctx)
	for range 2 {
		n := 0
		for _, err := range seq {
			if err != nil {
				return fmt.Errorf("one sequence, ranged over twice: %w", err)
			}
			n++
		}
		if n != len(files) {
			return fmt.Errorf("one sequence, ranged over twice: %d entries, want %d", n, len(files))
		}
	}
	return nil
}

// together walks one Source several times at once.
func together(ctx context.Context, src walker.Source, files map[string]int64) error {
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() { errs[i] = whole(ctx, src, files) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// ended walks with a context that ended before.
func ended(ctx context.Context, src walker.Source) error {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	n, err := drain(ctx, src, func(int) {})
	switch {
	case n > 0:
		return fmt.Errorf("%d entries under an ended context", n)
	case !errors.Is(err, context.Canceled):
		return fmt.Errorf("the error under an ended context is %w, not context.Canceled", orNone(err))
	}
	return nil
}

// stopped leaves walks at several places, and looks for what is left running.
func stopped(ctx context.Context, src walker.Source, total int, leaks []goleak.Option) error {
	for _, at := range places(total) {
		before := goleak.IgnoreCurrent()
		n := 0
		for e, err := range src.Walk(ctx) {
			if err != nil {
				return fmt.Errorf("at %q: %w", e.Key, err)
			}
			if n++; n > at {
				break
			}
		}
		if err := goleak.Find(append(slices.Clip(leaks), before)...); err != nil {
			return fmt.Errorf("left at entry %d of %d: %w", at+1, total, err)
		}
	}
	return nil
}

// cancelled ends the context of walks at several places. The last entry is not
// among them: after it a walk may well be complete.
func cancelled(ctx context.Context, src walker.Source, total int, leaks []goleak.Option) error {
	for _, at := range places(total) {
		if at == total-1 {
			continue
		}
		before := goleak.IgnoreCurrent()
		ctx, cancel := context.WithCancel(ctx)
		n, err := drain(ctx, src, func(n int) {
			if n == at+1 {
				cancel()
			}
		})
		cancel()
		if !errors.Is(err, context.Canceled) {
			return fmt.Errorf("cancelled at entry %d of %d: %d came, and the error is %w, not context.Canceled",
				at+1, total, n, orNone(err))
		}
		if err := goleak.Find(append(slices.Clip(leaks), before)...); err != nil {
			return fmt.Errorf("cancelled at entry %d of %d: %w", at+1, total, err)
		}
	}
	return nil
}

// places are where walks are ended: the first, the middle and the last entry.
func places(total int) []int {
	return slices.Compact([]int{0, total / 2, total - 1})
}

// drain counts the entries and calls at for each; the error is the one that
// the walk ended with. That something comes after an error is one too.
func drain(ctx context.Context, src walker.Source, at func(n int)) (n int, last error) {
	for e, err := range src.Walk(ctx) {
		if last != nil {
			return n, fmt.Errorf("%q was yielded after the error: %w", e.Key, errors.New(last.Error()))
		}
		if err != nil {
			if walker.AsSkipped(err) == nil {
				last = err
			}
			continue
		}
		n++
		at(n)
	}
	return n, last
}

var errNone = errors.New("none")

func orNone(err error) error {
	if err == nil {
		return errNone
	}
	return err
}
