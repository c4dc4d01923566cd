package pool

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var update = flag.Bool("update", false, "write the golden timelines anew") //nolint:gochecknoglobals // a flag of the test

// store is a model of one: it answers after latency, and works on workers
// requests at a time, each for work. All of it in virtual time.
type store struct {
	latency time.Duration
	// every request keeps one of the store's workers busy for work.
	workers int
	work    time.Duration
	// verdict, where it is not nil, says how attempt n, that came at such a time
	// since the start, ends, and after how long.
	verdict func(n int, at time.Duration, key string) (Verdict, time.Duration)

	mu    sync.Mutex
	start time.Time
	n     int
	free  []time.Time // when each worker has nothing to do any more
	ended map[Verdict]int
	taken map[time.Duration]bool // moments since start at which somebody wakes up
}

// attempt is one, from the moment that it has its slot.
func (s *store) attempt(key string) Verdict {
	s.mu.Lock()
	now := time.Now()
	n := s.n
	s.n++
	took := s.latency + time.Duration(n*7919%99991)
	v := Answered
	if s.verdict != nil {
		var d time.Duration
		if v, d = s.verdict(n, now.Sub(s.start), key); v != Answered {
			took = d + time.Duration(n*7919%99991)
		}
	}
	if v == Answered && s.workers > 0 {
		first := 0
		for i := range s.free {
			if s.free[i].Before(s.free[first]) {
				first = i
			}
		}
		at := s.free[first]
		if at.Before(now) {
			at = now
		}
		s.free[first] = at.Add(s.work)
		took += s.free[first].Sub(now)
	}
	s.mu.Unlock()
	s.sleep(took)
	s.mu.Lock()
	s.ended[v]++
	s.mu.Unlock()
	return v
}

// sleep sleeps for d, and a little longer where somebody else wakes up at that
// moment: so the order of what happens is always the same.
func (s *store) sleep(d time.Duration) {
	s.mu.Lock()
	at := time.Since(s.start) + d
	for s.taken[at] {
		at += time.Nanosecond
		d += time.Nanosecond
	}
	s.taken[at] = true
	s.mu.Unlock()
	time.Sleep(d)
}

// play has clients ask the store for as long as it takes, and returns what
// moved in the pool, a line each.
func play(t *testing.T, s *store, o Options, clients int, key func(i, n int) string, long time.Duration) string {
	t.Helper()
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		s.start, s.ended = time.Now(), map[Verdict]int{}
		s.taken = map[time.Duration]bool{}
		s.free = make([]time.Time, s.workers)
		var mu sync.Mutex
		o.OnMove = func(m Move) {
			mu.Lock()
			defer mu.Unlock()
			what := "limit"
			if m.Where != "" {
				what = "rate " + m.Where
			}
			fmt.Fprintf(&out, "%7.3fs %s %.0f -> %.0f: %s\n", time.Since(s.start).Seconds(), what, m.From, m.To, m.Why)
		}
		p := newPool(t, o)
		ctx, cancel := context.WithTimeout(t.Context(), long)
		defer cancel()
		var wg sync.WaitGroup
		for i := range clients {
			wg.Go(func() {
				s.sleep(time.Duration(i) * 1009)
				for n := 0; ctx.Err() == nil; n++ {
					a := Ask{Space: "b", Write: true}
					if key != nil {
						a.Key = key(i, n)
					}
					slot, err := p.Acquire(ctx, a)
					if err != nil {
						return
					}
					s.sleep(time.Duration(i)) // two may have had their slots together
					v := s.attempt(a.Key)
					slot.Release(Outcome{Verdict: v, Bytes: 4096})
					if v != Answered {
						s.sleep(200 * time.Millisecond)
					}
				}
			})
		}
		wg.Wait()
		st := p.Stats()
		if st.InFlight != 0 || st.Waiting != 0 {
			t.Errorf("left: %+v", st)
		}
		fmt.Fprintf(&out, "%7.3fs the end: limit %d, rate %.0f, %d answered, %d throttled, %d failed\n",
			long.Seconds(), st.Slots, st.Paced, s.ended[Answered], s.ended[Throttled], s.ended[Failed])
	})
	return out.String()
}

// What the limit does in the course of time, to be read by a person as well.
func TestTimelines(t *testing.T) {
	const ms = time.Millisecond
	between := func(from, to time.Duration, v Verdict) func(int, time.Duration, string) (Verdict, time.Duration) {
		return func(_ int, at time.Duration, _ string) (Verdict, time.Duration) {
			if at >= from && at < to {
				return v, 2 * ms
			}
			return Answered, 0
		}
	}
	one := partition(350)
	splitting := []func(time.Duration) bool{partition(350), partition(700)}
	used := &store{latency: ms, workers: 4, work: 200 * time.Microsecond}
	for _, c := range []struct {
		name    string
		store   *store
		o       Options
		clients int
		key     func(i, n int) string
		long    time.Duration
	}{
		{name: "slow-start-far", store: &store{latency: 200 * ms}, clients: 2048, long: 4 * time.Second},
		{name: "slow-start-wall", store: &store{latency: 20 * ms, workers: 64, work: 10 * ms}, clients: 1024, long: 5 * time.Second},
		{name: "slow-start-near", store: &store{latency: ms / 4, workers: 2, work: ms / 5}, clients: 256, long: 5 * time.Second},
		{name: "few-clients", store: &store{latency: 20 * ms}, clients: 10, long: 2 * time.Second},
		{name: "ceiling", store: &store{latency: 20 * ms}, o: Options{Slots: 24}, clients: 256, long: 2 * time.Second},
		{name: "cpu-bound", store: used, clients: 256, long: 3 * time.Second, o: Options{
			Processors: 2,
			CPU: func() time.Duration {
				used.mu.Lock()
				defer used.mu.Unlock()
				return time.Duration(used.n) * 100 * time.Microsecond
			},
		}},
		{name: "single-503", store: &store{latency: 20 * ms, workers: 64, work: 10 * ms, verdict: func(n int, _ time.Duration, _ string) (Verdict, time.Duration) {
			if n == 5000 {
				return Throttled, 2 * ms
			}
			return Answered, 0
		}}, clients: 256, long: 3 * time.Second},
		{name: "storm-and-recovery", store: &store{
			latency: 20 * ms, workers: 64, work: 10 * ms, verdict: between(3*time.Second, 5*time.Second, Throttled),
		}, clients: 256, long: 20 * time.Second},
		{name: "outage-and-recovery", store: &store{
			latency: 20 * ms, workers: 64, work: 10 * ms, verdict: between(3*time.Second, 5*time.Second, Failed),
		}, clients: 256, long: 10 * time.Second},
		{name: "stall", store: &store{latency: 20 * ms, workers: 64, work: 10 * ms, verdict: func(n int, _ time.Duration, _ string) (Verdict, time.Duration) {
			if n%1000 == 500 {
				return Failed, 500 * ms // cut off after that
			}
			return Answered, 0
		}}, clients: 256, long: 3 * time.Second},
		{name: "throttled", store: &store{latency: 20 * ms, verdict: func(_ int, at time.Duration, _ string) (Verdict, time.Duration) {
			if !one(at) {
				return Throttled, 20 * ms
			}
			return Answered, 0
		}}, clients: 128, long: 20 * time.Second},
		{name: "split", store: &store{latency: 20 * ms, verdict: func(_ int, at time.Duration, _ string) (Verdict, time.Duration) {
			p := splitting[0]
			if at > 10*time.Second {
				p = splitting[1]
			}
			if !p(at) {
				return Throttled, 20 * ms
			}
			return Answered, 0
		}}, clients: 128, long: 30 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := play(t, c.store, c.o, c.clients, c.key, c.long)
			name := filepath.Join("testdata", c.name+".golden")
			if *update {
				if err := os.WriteFile(name, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if w := strings.ReplaceAll(string(want), "\r\n", "\n"); got != w {
				t.Errorf("%s (go test -update writes it anew):\ngot\n%s\nwant\n%s", name, got, w)
			}
		})
	}
}

// partition takes so many requests a second, and a tenth of that at once.
func partition(rate float64) func(at time.Duration) bool {
	tokens, last := rate/10, time.Duration(0)
	return func(at time.Duration) bool {
		tokens = min(rate/10, tokens+rate*(at-last).Seconds())
		last = at
		if tokens < 1 {
			return false
		}
		tokens--
		return true
	}
}

// Where one prefix is throttled and the other is not, it is found out where the
// one ends, and the other is not slowed any more. Which client comes first is
// not the same each time, and so the figures are not either.
func TestHotAndCold(t *testing.T) {
	const ms = time.Millisecond
	hot := partition(350)
	s := &store{latency: 20 * ms, workers: 64, work: 10 * ms, verdict: func(_ int, at time.Duration, key string) (Verdict, time.Duration) {
		if key >= "hot/" && !hot(at) {
			return Throttled, 20 * ms
		}
		return Answered, 0
	}}
	got := play(t, s, Options{}, 256, func(i, n int) string {
		return fmt.Sprintf("%s/%d/%d", []string{"cold", "hot"}[i%2], i, n)
	}, 10*time.Second)
	if !strings.Contains(got, "it is others that are refused") {
		t.Errorf("the border was not found:\n%s", got)
	}
	// 128 clients at 20 ms are 4,000 cold ones a second and more.
	if n := s.ended[Answered]; n < 35_000 {
		t.Errorf("%d requests were answered in 10 s, want 35,000 and more:\n%s", n, got)
	}
	if n, all := s.ended[Throttled], s.ended[Answered]; n > all/30 {
		t.Errorf("%d of %d were throttled:\n%s", n, all, got)
	}
}
