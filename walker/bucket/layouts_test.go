package bucket

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3haul/s3haul/walker"
)

// far is a store of sorted keys whose answers take a while.
type far struct {
	keys  []string
	delay time.Duration
	mu    sync.Mutex
	asked int
	now   int
	most  int
}

func (f *far) ListObjects(_ context.Context, req ListRequest, into *Page) error {
	f.mu.Lock()
	f.asked++
	f.now++
	f.most = max(f.most, f.now)
	f.mu.Unlock()
	time.Sleep(f.delay)
	f.mu.Lock()
	f.now--
	f.mu.Unlock()
	into.Reset()
	from := sort.SearchStrings(f.keys, max(req.Prefix, req.StartAfter))
	if from < len(f.keys) && f.keys[from] == req.StartAfter {
		from++
	}
	n := MaxKeys
	if req.MaxKeys > 0 {
		n = req.MaxKeys
	}
	to := min(from+n, len(f.keys))
	for _, k := range f.keys[from:to] {
		into.Entries = append(into.Entries, walker.Entry{Key: k, Size: 1})
	}
	if to < len(f.keys) {
		into.Next = "more"
	}
	return nil
}

// layouts are ways to name n keys.
func layouts(n int) map[string][]string {
	r := rand.New(rand.NewPCG(1, 2))
	all := map[string][]string{}
	add := func(layout, format string, args ...any) {
		all[layout] = append(all[layout], fmt.Sprintf(format, args...))
	}
	day := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	scripts := []string{"données", "фото", "写真", "δεδομένα", "bilder", "arquivos-ção", "データ", "архив", "😀", "zażółć"}
	for i := range n {
		add("flat", "object-%09d", i)
		add("dirs", "dir-%06d/file-%06d.bin", i/1000, i%1000)
		add("small dirs", "d%d/f%d", i/20, i%20)
		var h int // 80 % of the keys are in the last tenth of the hours
		if i >= n/5 {
			h = 21600 + (i-n/5)*2400/(n-n/5)
		} else {
			h = i * 21600 / (n / 5)
		}
		t := day.Add(time.Duration(h) * time.Hour)
		add("dates", "%s/event-%09d.json", t.Format("2006/01/02/15"), i)
		x := r.Uint64()
		add("hex", "%04x/%012x", x>>48, x&(1<<48-1))
		add("uuid", "%08x-%04x-%04x-%04x-%012x", x>>32, x&0xffff, x>>16&0xffff, r.Uint32()&0xffff, r.Uint64()>>16)
		switch {
		case i < n*6/10:
			add("giants", "logs/production/service-a/%09d.gz", i*7)
		case i < n*9/10:
			add("giants", "media/%x/%x.jpg", r.Uint32(), i)
		default:
			add("giants", "zzz/%d", i)
		}
		add("unicode", "%s/%s-%d/%06d", scripts[i*len(scripts)/n], scripts[r.IntN(len(scripts))], r.IntN(50), i)
		depth := ""
		for range 1 + r.IntN(6) {
			depth += fmt.Sprintf("%c%c/", 'a'+r.IntN(26), 'a'+r.IntN(26))
		}
		add("deep", "%s%d.txt", depth, i)
		add("words", "%s", []string{"alpha", "beta", "gamma", "delta"}[r.IntN(4)]+fmt.Sprint(r.Uint32()))
		add("log lines", "app/2026-11-22/host-%03d/part-%05d.log", i*200/n, i)
		add("bytes", "%c%c%c%d", 33+r.IntN(90), 33+r.IntN(90), 33+r.IntN(90), i)
	}
	for name, keys := range all {
		slices.Sort(keys)
		all[name] = slices.Compact(keys)
	}
	return all
}

// Whatever the keys look like, a walk takes a fraction of the round trips that
// one page after another would, and not many requests more. The time is virtual.
func TestLayouts(t *testing.T) {
	all := layouts(200_000)
	for _, name := range sortedNames(all) {
		for _, ordered := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/ordered=%v", name, ordered), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := &far{keys: all[name], delay: 20 * time.Millisecond}
					width := 64
					if ordered {
						width = 32
					}
					s := New(f, Options{Bucket: "b", Parallel: width, Markers: true})
					began := time.Now()
					got := 0
					if ordered {
						for e, err := range s.Walk(t.Context()) {
							if err != nil || e.Key != f.keys[got] {
								t.Fatalf("key %d is %q: %v", got, e.Key, err)
							}
							got++
						}
					} else {
						for c, err := range s.Pages(t.Context()) {
							if err != nil {
								t.Fatal(err)
							}
							got += len(c.Entries)
						}
					}
					if got != len(f.keys) {
						t.Errorf("%d of %d keys", got, len(f.keys))
					}
					pages := float64(len(f.keys)) / 1000
					trips := float64(time.Since(began) / f.delay)
					t.Logf("%5.2f requests a page, %4.0f round trips (one after another: %.0f), at most %d in flight",
						float64(f.asked)/pages, trips, pages, f.most)
					if requests := float64(f.asked); requests > 2*pages || trips > pages/2+15 || f.most > width {
						t.Errorf("%.0f requests and %.0f round trips for %.0f pages, %d in flight", requests, trips, pages, f.most)
					}
				})
			})
		}
	}
}

func sortedNames[V any](m map[string]V) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
