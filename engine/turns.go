package engine

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/walker"
)

// looks is how many actions are looked at for one whose turn it may be, each
// time that there may be one.
const looks = 16

// mostAside is how many actions may be set aside where ranges are throttled:
// the more, the more of the bucket's partitions work at a time. They are some
// 15 MiB.
const mostAside = 1 << 16

// turns chooses which of the actions that are known comes next. It is the next
// one, as long as the store takes all. Where a key range of the bucket is
// throttled, the order of the keys would bring one range after another, and
// fill every place with objects that wait for the same one: then actions are
// picked from all over what is known, those that would only wait are left, and
// all ranges work at a time. It is used by one goroutine.
type turns struct {
	ahead <-chan plan.Action
	pool  *pool.Pool
	ask   func(*plan.Action) pool.Ask
	aside []plan.Action
	all   bool // of ahead has come
}

func (r *run) turns(ahead <-chan plan.Action) *turns {
	return &turns{ahead: ahead, pool: r.e.pool, ask: r.ask}
}

// ask says where in the store an action works.
func (r *run) ask(a *plan.Action) pool.Ask {
	if !r.dst.local() {
		o := r.dst.object(a.Key, walker.Entry{})
		return pool.Ask{Space: o.Bucket, Key: o.Key, Write: r.op != report.Verify}
	}
	o := r.src.object(a.Key, a.Src)
	ask := pool.Ask{Space: o.Bucket, Key: o.Key}
	if r.e.elsewhere(r.src) {
		return ofSource(ask)
	}
	return ask
}

// next returns the next action, and false where there is none any more or ctx
// has ended.
func (t *turns) next(ctx context.Context) (plan.Action, bool) {
	for {
		if len(t.aside) == 0 {
			a, ok := <-t.ahead // it ends when ctx does
			if !ok {
				t.all = true
				return a, false
			}
			if !t.pool.Paced() {
				return a, true
			}
			t.aside = append(t.aside, a)
		}
		t.gather()
		room := t.pool.Room() // asked for before it is looked for
		for range looks {
			i := rand.IntN(len(t.aside))
			if t.pool.Admits(t.ask(&t.aside[i])) {
				return t.take(i), true
			}
		}
		more := t.ahead
		if t.all || len(t.aside) >= mostAside {
			more = nil
		}
		wait := time.NewTimer(pool.Patience)
		select {
		case <-room:
		case <-wait.C:
		case a, ok := <-more:
			if ok {
				t.aside = append(t.aside, a)
			} else {
				t.all = true
			}
		case <-ctx.Done():
		}
		wait.Stop()
		if ctx.Err() != nil {
			return plan.Action{}, false
		}
	}
}

// gather takes what is known already.
func (t *turns) gather() {
	for !t.all && len(t.aside) < mostAside {
		select {
		case a, ok := <-t.ahead:
			if !ok {
				t.all = true
				return
			}
			t.aside = append(t.aside, a)
		default:
			return
		}
	}
}

func (t *turns) take(i int) plan.Action {
	a, last := t.aside[i], len(t.aside)-1
	t.aside[i], t.aside[last] = t.aside[last], plan.Action{}
	t.aside = t.aside[:last]
	return a
}
