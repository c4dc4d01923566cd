package plan_test

import (
	"testing"
	"time"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/walker"
)

// What each rule makes of two entries of one key.
func TestRules(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	dst := walker.Entry{Size: 5, ModTime: at}
	older, same, newer := dst, dst, dst
	older.ModTime, newer.ModTime = at.Add(-time.Minute), at.Add(time.Minute)
	larger := walker.Entry{Size: 6, ModTime: at.Add(-time.Minute)}
	type answer struct {
		plan.Op
		plan.Reason
	}
	for name, c := range map[string]struct {
		rule                       plan.Compare
		older, same, newer, larger answer
	}{
		"upward":            {plan.Upward, answer{plan.Keep, plan.Same}, answer{plan.Keep, plan.Same}, answer{plan.Transfer, plan.Newer}, answer{plan.Transfer, plan.Size}},
		"downward":          {plan.Downward, answer{plan.Check, plan.Time}, answer{plan.Keep, plan.Same}, answer{plan.Check, plan.Time}, answer{plan.Transfer, plan.Size}},
		"size only":         {plan.SizeOnly, answer{plan.Keep, plan.Same}, answer{plan.Keep, plan.Same}, answer{plan.Keep, plan.Same}, answer{plan.Transfer, plan.Size}},
		"contents, up":      {plan.Contents(plan.Upward), answer{plan.Check, plan.Same}, answer{plan.Check, plan.Same}, answer{plan.Check, plan.Newer}, answer{plan.Transfer, plan.Size}},
		"contents, down":    {plan.Contents(plan.Downward), answer{plan.Check, plan.Time}, answer{plan.Check, plan.Same}, answer{plan.Check, plan.Time}, answer{plan.Transfer, plan.Size}},
		"existing":          {plan.Existing, answer{plan.Keep, plan.Same}, answer{plan.Keep, plan.Same}, answer{plan.Keep, plan.Same}, answer{plan.Keep, plan.Same}},
		"unlike, up":        {plan.Unlike(plan.Upward), answer{plan.Keep, plan.Same}, answer{plan.Keep, plan.Same}, answer{plan.Check, plan.Newer}, answer{plan.Transfer, plan.Size}},
		"unlike, down":      {plan.Unlike(plan.Downward), answer{plan.Check, plan.Time}, answer{plan.Keep, plan.Same}, answer{plan.Check, plan.Time}, answer{plan.Transfer, plan.Size}},
		"unlike, a copy":    {plan.Unlike(plan.Always), answer{plan.Check, plan.Time}, answer{plan.Check, plan.Time}, answer{plan.Check, plan.Time}, answer{plan.Transfer, plan.Size}},
		"always, as a copy": {plan.Always, answer{plan.Transfer, plan.Time}, answer{plan.Transfer, plan.Time}, answer{plan.Transfer, plan.Time}, answer{plan.Transfer, plan.Size}},
	} {
		for _, q := range []struct {
			src  walker.Entry
			want answer
		}{{older, c.older}, {same, c.same}, {newer, c.newer}, {larger, c.larger}} {
			if op, reason := c.rule(q.src, dst); (answer{op, reason}) != q.want {
				t.Errorf("%s: %+v: %v, %v, want %v", name, q.src, op, reason, q.want)
			}
		}
	}
}
