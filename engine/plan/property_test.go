package plan_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/walker"
)

// TestAgainstSets compares Join with a plan that is made of whole sets, over
// many small listings out of an alphabet in which keys nest and interleave.
func TestAgainstSets(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	seen := map[string]int{}
	for range 20_000 {
		src, dst := randomListing(rng), randomListing(rng)
		o := plan.Options{Delete: rng.IntN(4) > 0, Compare: plan.Upward}
		if rng.IntN(3) == 0 {
			o.Wants = func(e *walker.Entry) bool { return e.Size > 0 }
		}
		var got []string
		for a, err := range plan.Join(t.Context(), src, dst, o) {
			got = append(got, formatStep(a, err))
		}
		want := naive(src, dst, o)
		if !slices.Equal(got, want) {
			t.Fatalf("src %s\ndst %s\ngot  %q\nwant %q", formatListing(src), formatListing(dst), got, want)
		}
		for _, line := range got {
			seen[strings.Join(strings.Fields(line)[:2], " ")]++
			if strings.Contains(line, plan.ErrUnwanted.Error()) {
				seen["unwanted"]++
			}
		}
	}
	for _, line := range []string{"keep same", "transfer new", "transfer size", "transfer newer", "delete absent", "skip quiet", "unwanted"} {
		if seen[line] == 0 {
			t.Errorf("no listing led to %q: the test is blind", line)
		}
	}
}

func randomListing(rng *rand.Rand) script {
	pieces := []string{"a", "a-", "a/", "b", "/", "a.b"}
	all := map[string]step{}
	for range rng.IntN(12) {
		var key strings.Builder
		for range 1 + rng.IntN(4) {
			key.WriteString(pieces[rng.IntN(len(pieces))])
		}
		st := step{entry: walker.Entry{Key: key.String()}}
		if rng.IntN(4) == 0 {
			st.err = &walker.Skipped{Key: key.String(), Err: errors.New("No."), Quiet: rng.IntN(2) == 0}
		} else {
			st.entry.Size = int64(rng.IntN(2))
			st.entry.ModTime = time.Unix(int64(rng.IntN(2)), 0)
		}
		all[key.String()] = st
	}
	var s script
	for _, key := range slices.Sorted(maps.Keys(all)) {
		s = append(s, all[key])
	}
	return s
}

func formatListing(s script) string {
	var b strings.Builder
	for _, st := range s {
		fmt.Fprintf(&b, "%q", st.entry.Key)
		if skip := walker.AsSkipped(st.err); skip != nil {
			fmt.Fprintf(&b, "(skipped, quiet %v)", skip.Quiet)
		}
		b.WriteByte(' ')
	}
	return b.String()
}

// naive is the plan by definition: each key of either side for itself, with
// everything known about both sides.
func naive(src, dst script, o plan.Options) []string {
	byKey := func(s script) map[string]step {
		m := map[string]step{}
		for _, st := range s {
			m[st.entry.Key] = st
		}
		return m
	}
	covered := func(m map[string]step, key string) (loud, quiet bool) {
		for k, st := range m {
			if st.err == nil || k == key || !strings.HasPrefix(key, strings.TrimSuffix(k, "/")+"/") {
				continue
			}
			if walker.AsSkipped(st.err).Quiet {
				quiet = true
			} else {
				loud = true
			}
		}
		return loud, quiet
	}
	s, d := byKey(src), byKey(dst)
	keys := map[string]bool{}
	for k := range s {
		keys[k] = true
	}
	for k := range d {
		keys[k] = true
	}
	var out []string
	emit := func(a plan.Action, err error) { out = append(out, formatStep(a, err)) }
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		sv, inSrc := s[k]
		dv, inDst := d[k]
		if inSrc && sv.err != nil {
			emit(plan.Action{Key: k}, sv.err)
		}
		if inDst && dv.err != nil {
			emit(plan.Action{Key: k}, dv.err)
		}
		switch {
		case inSrc && sv.err != nil:
		case inSrc && o.Wants != nil && !o.Wants(&sv.entry):
			emit(plan.Action{Key: k}, &walker.Skipped{Key: k, Err: plan.ErrUnwanted, Quiet: true})
		case inSrc && inDst && dv.err == nil:
			op, reason := o.Compare(sv.entry, dv.entry)
			emit(plan.Action{Op: op, Reason: reason, Key: k}, nil)
		case inSrc:
			loud, quiet := covered(d, k)
			if inDst {
				quiet = walker.AsSkipped(dv.err).Quiet
				loud = !quiet
			}
			if loud || quiet {
				err := &walker.Skipped{Key: k, Err: errors.New("The destination could not be read."), Quiet: !loud}
				emit(plan.Action{Key: k}, err)
			} else {
				emit(plan.Action{Op: plan.Transfer, Reason: plan.New, Key: k}, nil)
			}
		case dv.err == nil && o.Delete && (o.Wants == nil || o.Wants(&dv.entry)):
			if loud, quiet := covered(s, k); !loud && !quiet {
				emit(plan.Action{Op: plan.Delete, Reason: plan.Absent, Key: k}, nil)
			}
		}
	}
	return out
}
