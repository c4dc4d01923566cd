package walktest

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/s3haul/s3haul/walker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a Source that can be told to break the contract.
type memory struct {
	files     map[string]int64
	unordered bool
	change    func([]walker.Entry) []walker.Entry
	deaf      bool          // does not look at its context
	leak      chan struct{} // a goroutine waits for it where a walk is left
	after     bool          // goes on after the error of the context
}

func (m *memory) Ordered() bool { return !m.unordered }

func (m *memory) Walk(ctx context.Context) iter.Seq2[walker.Entry, error] {
	var entries []walker.Entry
	for _, k := range slices.Sorted(maps.Keys(m.files)) {
		entries = append(entries, walker.Entry{Key: k, Size: m.files[k], ModTime: time.Unix(1, 0)})
	}
	if m.change != nil {
		entries = m.change(entries)
	}
	return func(yield func(walker.Entry, error) bool) {
		if m.deaf {
			ctx = context.WithoutCancel(ctx)
		}
		if err := ctx.Err(); err != nil {
			yield(walker.Entry{}, err)
			return
		}
		for _, e := range entries {
			if !yield(e, nil) {
				if m.leak != nil {
					go func() { <-m.leak }()
				}
				return
			}
			if err := ctx.Err(); err != nil {
				if yield(walker.Entry{}, err) && m.after {
					yield(e, nil)
				}
				return
			}
		}
	}
}

func TestSuitePasses(t *testing.T) {
	Suite{
		Make:    func(_ *testing.T, files map[string]int64) walker.Source { return &memory{files: files} },
		Refuses: func(key string) bool { return strings.Contains(key, "\n") },
		Extra:   map[string]int64{"a": 1, "a//b": 2, "/a": 3},
	}.Run(t)
}

func TestSuitePassesUnordered(t *testing.T) {
	Suite{Make: func(_ *testing.T, files map[string]int64) walker.Source {
		return &memory{files: files, unordered: true, change: func(es []walker.Entry) []walker.Entry {
			slices.Reverse(es)
			return es
		}}
	}}.Run(t)
}

// Each breach of the contract is found.
func TestSuiteFinds(t *testing.T) {
	files := map[string]int64{"a": 1, "b": 2, "c": 3}
	swap := func(es []walker.Entry) []walker.Entry {
		es[0], es[1] = es[1], es[0]
		return es
	}
	ctx := t.Context()
	for name, c := range map[string]struct {
		src  *memory
		want string
	}{
		"disorder": {&memory{change: swap}, "not in order"},
		"twice in order": {&memory{change: func(es []walker.Entry) []walker.Entry {
			return slices.Insert(es, 1, es[0])
		}}, "not in order"},
		"twice": {&memory{unordered: true, change: func(es []walker.Entry) []walker.Entry {
			return append(es, es[0])
		}}, "twice"},
		"missing": {&memory{change: func(es []walker.Entry) []walker.Entry { return es[:2] }}, "not yielded"},
		"invented": {&memory{change: func(es []walker.Entry) []walker.Entry {
			return append(es, walker.Entry{Key: "d"})
		}}, "not made"},
		"size": {&memory{change: func(es []walker.Entry) []walker.Entry {
			es[1].Size = 9
			return es
		}}, "size"},
		"no time": {&memory{change: func(es []walker.Entry) []walker.Entry {
			es[1].ModTime = time.Time{}
			return es
		}}, "time"},
	} {
		c.src.files = files
		for check, f := range map[string]func(context.Context, walker.Source, map[string]int64) error{
			"whole": whole, "again": again, "together": together,
		} {
			if err := f(ctx, c.src, files); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, %s: got %v, want %q", name, check, err, c.want)
			}
		}
	}

	deaf := &memory{files: files, deaf: true}
	if ended(ctx, deaf) == nil || cancelled(ctx, deaf, len(files), nil) == nil {
		t.Error("a walk that does not look at its context passes")
	}
	if err := cancelled(ctx, &memory{files: files, after: true}, len(files), nil); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("a walk that goes on after its error: %v", err)
	}

	leaky := &memory{files: files, leak: make(chan struct{})}
	defer close(leaky.leak)
	if stopped(ctx, leaky, len(files), nil) == nil {
		t.Error("a goroutine left behind passes")
	}
}
