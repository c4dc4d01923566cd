package bucket

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"

	"github.com/s3haul/s3haul/walker"
)

// model is a versioned bucket whose lists are answered as S3 does, or as a store
// does that begins with the version that it was to go on behind. It may change
// and fail between two requests.
type model struct {
	mu        sync.Mutex
	random    *rand.Rand
	keys      []string
	versions  map[string][]string // newest first
	inclusive bool
	forgets   bool    // what follows a null version that is not current
	fail      float64 // share of the requests
	change    float64 // share of the requests before which it changes
	pool      []string
	steady    map[string]bool // keys that never change
	made      int
	asked     int
}

var errModel = errors.New("the store fell over")

// begin is what happens before a request is answered.
func (m *model) begin() error {
	m.asked++
	if m.random.Float64() < m.change {
		k := m.pool[m.random.IntN(len(m.pool))]
		switch i, there := slices.BinarySearch(m.keys, k); {
		case m.steady[k]:
		case there:
			m.keys = slices.Delete(m.keys, i, i+1)
			delete(m.versions, k)
		default:
			m.keys = slices.Insert(m.keys, i, k)
			m.made++
			m.versions[k] = []string{fmt.Sprint("new", m.made)}
		}
	}
	if m.random.Float64() < m.fail {
		return errModel
	}
	return nil
}

func (m *model) ListObjects(_ context.Context, req ListRequest, into *Page) error {
	runtime.Gosched()
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.begin(); err != nil {
		return err
	}
	into.Reset()
	if req.Token != "" {
		req.StartAfter = req.Token
	}
	for i := sort.SearchStrings(m.keys, max(req.Prefix, req.StartAfter)); i < len(m.keys) && strings.HasPrefix(m.keys[i], req.Prefix); i++ {
		k := m.keys[i]
		if k == req.StartAfter {
			continue
		}
		if len(into.Entries) == req.MaxKeys {
			into.Next = into.Entries[len(into.Entries)-1].Key
			break
		}
		into.Entries = append(into.Entries, walker.Entry{Key: k, Size: 1})
	}
	return nil
}

func (m *model) ListVersions(_ context.Context, req VersionsRequest, into *Page) error {
	runtime.Gosched()
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.begin(); err != nil {
		return err
	}
	into.Reset()
	for i := sort.SearchStrings(m.keys, max(req.Prefix, req.KeyMarker)); i < len(m.keys) && strings.HasPrefix(m.keys[i], req.Prefix); i++ {
		k := m.keys[i]
		vs := m.versions[k]
		if k == req.KeyMarker && k != "" {
			if m.forgets && req.VersionIDMarker == "null" && slices.Index(vs, "null") > 0 {
				return nil
			}
			from := 0
			switch at := slices.Index(vs, req.VersionIDMarker); {
			case m.inclusive:
				from = max(at, 0)
			case req.VersionIDMarker == "":
				from = len(vs)
			default:
				from = at + 1 // where it was deleted, it begins again
			}
			vs = vs[from:]
		}
		for n, v := range vs {
			if len(into.Entries) == req.MaxKeys {
				last := into.Entries[len(into.Entries)-1]
				into.Next, into.NextVersion = last.Key, last.VersionID
				return nil
			}
			into.Entries = append(into.Entries, walker.Entry{Key: k, VersionID: v, Latest: n == 0 && len(vs) == len(m.versions[k])})
		}
	}
	return nil
}

// someKeys are up to n keys of a random kind.
func someKeys(r *rand.Rand, n int) []string {
	alphabets := []string{
		"0123456789", "0123456789abcdef", "ab", "abcdefghijklmnopqrstuvwxyz", "AZaz09-_", "/a", "日本語データ", "αβγдежзa1/",
		"\x01\x1f a\x7f", "😀😁a/0", "\U0010ffff\u00e9a", "%+& =?#a", "..//ab", "\xff\xfea",
	}
	var keys []string
	var stems []string
	for range 1 + r.IntN(4) {
		a := []rune(alphabets[r.IntN(len(alphabets))])
		stem := ""
		for range r.IntN(8) {
			stem += string(a[r.IntN(len(a))])
		}
		stems = append(stems, stem)
	}
	a := []rune(alphabets[r.IntN(len(alphabets))])
	for i := range n {
		k := stems[min(r.IntN(len(stems)), r.IntN(len(stems)))]
		switch r.IntN(3) {
		case 0:
			k += fmt.Sprintf("%06d", i)
		case 1:
			k += fmt.Sprintf("/%d/", i/7)
			fallthrough
		default:
			for range 1 + r.IntN(6) {
				k += string(a[r.IntN(len(a))])
			}
		}
		if k != "" {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		keys = []string{"k"}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// Each key, and each version of it, that is there throughout comes exactly
// once, whatever the keys are, and whatever comes and goes beside them; ordered
// walks come in order; one that meets an error says so and can be gone on with.
func TestExactlyOnce(t *testing.T) {
	sets := 10_500
	if testing.Short() {
		sets = 2_000
	}
	cuts := 0
	for seed := range sets {
		cuts += once(t, uint64(seed))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%d key sets, %d of them listed in more than one range", sets, cuts)
	if cuts < sets/3 {
		t.Errorf("only %d of %d walks had more than one range", cuts, sets)
	}
}

func once(t *testing.T, seed uint64) (cut int) {
	r := rand.New(rand.NewPCG(seed, 7))
	pool := someKeys(r, 1+r.IntN(300))
	m := &model{random: r, pool: pool, versions: map[string][]string{}, steady: map[string]bool{}, inclusive: r.IntN(3) == 0, forgets: r.IntN(3) == 0}
	versions := r.IntN(2) == 0
	for _, k := range pool {
		if m.steady[k] = r.IntN(10) > 1; !m.steady[k] && r.IntN(2) == 0 {
			continue
		}
		m.keys = append(m.keys, k)
		n := 1
		if versions && r.IntN(4) == 0 {
			n += r.IntN(30)
		}
		for range n {
			m.made++
			m.versions[k] = append(m.versions[k], fmt.Sprint("v", m.made))
		}
		if r.IntN(5) == 0 {
			m.versions[k][r.IntN(n)] = "null"
		}
	}
	if r.IntN(2) == 0 {
		m.change = r.Float64()
	}
	if r.IntN(3) == 0 {
		m.fail = 0.2 * r.Float64()
	}
	o := Options{Bucket: "b", PageSize: 2 + r.IntN(12), Parallel: 1 + r.IntN(8), Markers: true}
	if len(m.keys) > 0 && r.IntN(2) == 0 {
		k := m.keys[r.IntN(len(m.keys))]
		o.Prefix = k[:r.IntN(len(k)+1)]
	}
	if r.IntN(4) == 0 {
		o.Memory = int64(o.PageSize) * 300 // a page or two
	}
	ordered := r.IntN(2) == 0
	seen := map[string]int{}
	ranges := map[int]bool{}
	count := func(e walker.Entry) { seen[o.Prefix+e.Key+"\x00"+e.VersionID]++ }
	again := 0
	last, begun := "", false
	for {
		s := New(m, o)
		if versions {
			s = NewVersions(m, o)
		}
		var failed error
		if ordered {
			var row []walker.Entry // of the present key
			for e, err := range s.Walk(t.Context()) {
				if failed = err; err != nil {
					break
				}
				if begun && (e.Key < last || e.Key == last && !versions) {
					t.Errorf("%q came after %q", e.Key, last)
				}
				begun = true
				if e.Key != last {
					for _, e := range row {
						count(e)
					}
					row = row[:0]
				}
				last = e.Key
				row = append(row, e)
			}
			if failed == nil {
				for _, e := range row {
					count(e)
				}
			} else if before := o.Prefix + last; len(row) > 0 {
				// It goes on from the last key; of versions, from the last whole one.
				if !versions {
					count(row[0])
					o.StartAfter = before
				} else if k := lastWhole(seen, before); k != "" {
					o.StartAfter, last = k, k[len(o.Prefix):]
				}
			}
		} else {
			failed = pagesOf(s.Pages(t.Context()), ranges, count)
		}
		if failed == nil {
			break
		}
		if !errors.Is(failed, errModel) {
			t.Errorf("it ended with %v", failed)
			break
		}
		if again++; again > 50 {
			m.fail = 0
		}
		if !ordered {
			for k, n := range seen {
				if n > 1 {
					t.Errorf("%q came %d times before the error", k, n)
				}
			}
			clear(seen)
			clear(ranges)
		}
	}
	for _, k := range m.keys {
		if !m.steady[k] || !strings.HasPrefix(k, o.Prefix) {
			continue
		}
		for _, v := range m.versions[k] {
			if !versions {
				v = ""
			}
			if n := seen[k+"\x00"+v]; n != 1 {
				t.Errorf("%q version %q came %d times", k, v, n)
			}
			if !versions {
				break
			}
		}
	}
	for k, n := range seen {
		if n != 1 {
			t.Errorf("%q came %d times", k, n)
		}
	}
	if ordered && m.asked > 3*len(pool)/o.PageSize || len(ranges) > 1 {
		return 1
	}
	return 0
}

// lastWhole is the last key that was counted; what is before it was, too.
func lastWhole(seen map[string]int, before string) string {
	last := ""
	for id := range seen {
		k, _, _ := strings.Cut(id, "\x00")
		if k > last && k < before {
			last = k
		}
	}
	return last
}

func pagesOf(seq iter.Seq2[Chunk, error], ranges map[int]bool, count func(walker.Entry)) error {
	ended := map[int]bool{}
	lasts := map[int]string{}
	for c, err := range seq {
		if err != nil {
			return err
		}
		if ended[c.Range] {
			return fmt.Errorf("range %d goes on behind its end", c.Range)
		}
		ranges[c.Range], ended[c.Range] = true, c.Last
		for _, e := range c.Entries {
			if e.Key < lasts[c.Range] {
				return fmt.Errorf("range %d: %q came after %q", c.Range, e.Key, lasts[c.Range])
			}
			lasts[c.Range] = e.Key
			count(e)
		}
	}
	for r := range ranges {
		if !ended[r] {
			return fmt.Errorf("range %d has no end", r)
		}
	}
	return nil
}
