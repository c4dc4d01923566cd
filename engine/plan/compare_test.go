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
		"exact":             {plan.Exact, answer{plan.Transfer, plan.Time}, answer{plan.Keep, plan.Same}, answer{plan.Transfer, plan.Time}, answer{plan.Transfer, plan.Size}},
		"contents, exact":   {plan.Contents(plan.Exact), answer{plan.Check, plan.Time}, answer{plan.Check, plan.Same}, answer{plan.Check, plan.Time}, answer{plan.Transfer, plan.Size}},
		"update, up":        {plan.Update(plan.Upward), answer{plan.Keep, plan.Same}, answer{plan.Keep, plan.Same}, answer{plan.Transfer, plan.Newer}, answer{plan.Keep, plan.Same}},
		"update, down":      {plan.Update(plan.Downward), answer{plan.Keep, plan.Same}, answer{plan.Keep, plan.Same}, answer{plan.Check, plan.Time}, answer{plan.Keep, plan.Same}},
		"update, size only": {plan.Update(plan.SizeOnly), answer{plan.Keep, plan.Same}, answer{plan.Keep, plan.Same}, answer{plan.Keep, plan.Same}, answer{plan.Keep, plan.Same}},
		"update, exact":     {plan.Update(plan.Exact), answer{plan.Keep, plan.Same}, answer{plan.Keep, plan.Same}, answer{plan.Transfer, plan.Time}, answer{plan.Keep, plan.Same}},
		"update, contents":  {plan.Update(plan.Contents(plan.Upward)), answer{plan.Keep, plan.Same}, answer{plan.Check, plan.Same}, answer{plan.Check, plan.Newer}, answer{plan.Keep, plan.Same}},
		"unlike, update":    {plan.Unlike(plan.Update(plan.Upward)), answer{plan.Keep, plan.Same}, answer{plan.Keep, plan.Same}, answer{plan.Check, plan.Newer}, answer{plan.Keep, plan.Same}},
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

// Times are told in parts of a second by files and by some stores.
func TestPartsOfASecond(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	part := func(d time.Duration) walker.Entry { return walker.Entry{Size: 5, ModTime: at.Add(d)} }
	for name, c := range map[string]struct {
		rule     plan.Compare
		src, dst time.Duration
		want     plan.Op
	}{
		"a file of the object's second":          {plan.Exact, 0, time.Millisecond, plan.Transfer},
		"a file of the object's very time":       {plan.Exact, time.Millisecond, time.Millisecond, plan.Keep},
		"an object whose second the file has":    {plan.Exact, time.Millisecond, 0, plan.Keep},
		"no object's second":                     {plan.Exact, time.Millisecond, 2 * time.Millisecond, plan.Transfer},
		"newer, but within a second":             {plan.Update(plan.SizeOnly), 0, time.Millisecond, plan.Keep},
		"of another size, newer within a second": {plan.Update(differ), 0, time.Millisecond, plan.Transfer},
		"of another size, and a second newer":    {plan.Update(differ), 0, time.Second, plan.Keep},
		"up, within a second":                    {plan.Upward, time.Millisecond, 0, plan.Keep},
		"down, within a second":                  {plan.Downward, time.Millisecond, 0, plan.Keep},
	} {
		if op, _ := c.rule(part(c.src), part(c.dst)); op != c.want {
			t.Errorf("%s: %v, want %v", name, op, c.want)
		}
	}
}

func differ(walker.Entry, walker.Entry) (plan.Op, plan.Reason) { return plan.Transfer, plan.Size }
