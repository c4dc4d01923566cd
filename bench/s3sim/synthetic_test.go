package s3sim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// places are indices to look at: all of few keys, else both ends, the seams and
// a random choice.
func places(s *Synthetic, random *rand.Rand) []int {
	var is []int
	if s.Count <= 20_000 {
		for i := range s.Count {
			is = append(is, i)
		}
		return is
	}
	for _, seam := range []int{0, s.Count / 256, s.Count / 5, s.Count * 6 / 10, s.Count * 9 / 10, s.Count - 2000} {
		for i := max(seam-1000, 0); i < min(seam+2000, s.Count); i++ {
			is = append(is, i)
		}
	}
	for range 5000 {
		is = append(is, random.IntN(s.Count))
	}
	return is
}

func TestSyntheticKeys(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, layout := range Layouts() {
		for _, count := range []int{0, 1, 2, 4, 5, 999, 1000, 1001, 20_000, 1_234_567, MaxSynthetic} {
			for _, more := range []Synthetic{{}, {Prefix: "\u00e4/", PerDir: 7, Seed: 3}} {
				s := more
				s.Bucket, s.Layout, s.Count = "b", layout, count
				if err := s.Validate(); err != nil {
					t.Fatal(err)
				}
				t.Run(fmt.Sprint(layout, count, s.Prefix), func(t *testing.T) {
					checkKeys(t, &s, places(&s, random))
				})
			}
		}
	}
}

func checkKeys(t *testing.T, s *Synthetic, is []int) {
	t.Helper()
	for _, i := range is {
		key := s.Key(i)
		if !strings.HasPrefix(key, s.Prefix) {
			t.Fatalf("key %d is %q", i, key)
		}
		if i+1 < s.Count && key >= s.Key(i+1) {
			t.Fatalf("key %d %q is not below the next, %q", i, key, s.Key(i+1))
		}
		for search, want := range map[string]int{key: i, key + "\x00": i + 1, key[:len(key)-1] + string(key[len(key)-1]-1) + "\xff": i} {
			if got := s.Search(search); got != want {
				t.Fatalf("Search(%q) = %d, want %d (%q)", search, got, want, key)
			}
		}
	}
	if s.Search("") != 0 || s.Search("\xff") != s.Len() {
		t.Errorf("the ends: %d and %d of %d", s.Search(""), s.Search("\xff"), s.Len())
	}
}

// The dates are skewed: four fifths of the keys in the last tenth of the days.
func TestSyntheticDates(t *testing.T) {
	s := Synthetic{Bucket: "b", Layout: LayoutDates, Count: 100_000}
	last := dateStart().AddDate(0, 0, dateDays*9/10).Format("2006/01/02")
	if i := s.Search(last); i != s.Count/5 {
		t.Errorf("%d keys before %s, want a fifth of %d", i, last, s.Count)
	}
	for _, i := range []int{0, 19_999, 20_000, 99_999} {
		if key, at := s.Key(i), s.ModTime(i).Format("2006/01/02/15/"); !strings.HasPrefix(key, at) {
			t.Errorf("%s was modified at %s", key, at)
		}
	}
	if first := s.Key(0); first != "2024/01/01/00/event-000000000.json" {
		t.Errorf("first key %q", first)
	}
}

// Three prefixes of very different sizes.
func TestSyntheticGiants(t *testing.T) {
	s := Synthetic{Bucket: "b", Layout: LayoutGiants, Count: 1000}
	for i, want := range map[int]string{
		0: "huge/object-000000000", 599: "huge/object-000000599", 600: "large/object-000000000",
		899: "large/object-000000299", 900: "small/object-000000000", 999: "small/object-000000099",
	} {
		if got := s.Key(i); got != want {
			t.Errorf("key %d is %q, want %q", i, got, want)
		}
	}
}

// The directories have words of sixteen scripts, as many keys each, and keys
// that a client has to take as they are.
func TestSyntheticUnicode(t *testing.T) {
	s := Synthetic{Bucket: "b", Layout: LayoutUnicode, Count: 25_600}
	dirs, words := map[string]int{}, map[string]bool{}
	for i := range s.Len() {
		key := s.Key(i)
		if !utf8.ValidString(key) || len(key) > maxKey {
			t.Fatalf("key %d is %q", i, key)
		}
		first, rest, _ := strings.Cut(key, "/")
		second, _, _ := strings.Cut(rest, "/")
		words[first], words[second] = true, true
		dirs[first+"/"+second]++
	}
	if len(words) != scriptWords || len(dirs) != scriptWords*scriptWords {
		t.Errorf("%d words, %d directories", len(words), len(dirs))
	}
	for dir, n := range dirs {
		if n != 100 {
			t.Errorf("%s has %d keys", dir, n)
		}
	}
}

func TestSyntheticObjects(t *testing.T) {
	a := Synthetic{Bucket: "b", Layout: LayoutHex, Count: 1000, Size: 4096, Seed: 1}
	b := a
	b.Seed = 2
	seen := map[string]bool{}
	for i := range a.Len() {
		if len(a.ETag(i)) != 32 || seen[a.ETag(i)] || a.ETag(i) == b.ETag(i) {
			t.Fatalf("ETag of object %d: %q", i, a.ETag(i))
		}
		seen[a.ETag(i)] = true
		if a.Key(i) == b.Key(i) {
			t.Fatalf("another seed, and the same key %q", a.Key(i))
		}
		if a.SizeOf(i) != 4096 || a.ModTime(i).Truncate(time.Second) != a.ModTime(i) || a.ModTime(i).Year() != 2025 {
			t.Fatalf("object %d: %d bytes, of %v", i, a.SizeOf(i), a.ModTime(i))
		}
	}
}

func TestParseSynthetic(t *testing.T) {
	for text, want := range map[string]Synthetic{
		"b=dirs:1000":               {Bucket: "b", Layout: LayoutDirs, Count: 1000},
		"b=flat:1_000_000:4KiB":     {Bucket: "b", Layout: LayoutFlat, Count: 1_000_000, Size: 4096},
		"my.logs=dates:100000000:0": {Bucket: "my.logs", Layout: LayoutDates, Count: MaxSynthetic},
		"b=hex:7:1MB:3":             {Bucket: "b", Layout: LayoutHex, Count: 7, Size: 1_000_000, Versions: 3},
		"b=giants:10":               {Bucket: "b", Layout: LayoutGiants, Count: 10},
		"b=unicode:10":              {Bucket: "b", Layout: LayoutUnicode, Count: 10},
	} {
		if got, err := ParseSynthetic(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                   "write bucket=",
		"b":                  "write bucket=",
		"=flat:1":            "write bucket=",
		"b=flat":             "write bucket=",
		"b=flat:1:1:1:1":     "write bucket=",
		"b=tree:1":           `layout "tree"`,
		"b=flat:x":           "count",
		"b=flat:100000001":   "100000001 keys",
		"b=flat:-1":          "-1 keys",
		"b=flat:1:many":      "size",
		"b=flat:1:1:x":       "versions",
		"b=flat:1:1:1000000": "1000000 versions",
	} {
		if got, err := ParseSynthetic(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v; want %q", text, got, err, want)
		}
	}
}

func BenchmarkSyntheticKey(b *testing.B) {
	for _, layout := range Layouts() {
		s := Synthetic{Bucket: "b", Layout: layout, Count: MaxSynthetic}
		b.Run(string(layout), func(b *testing.B) {
			var buf []byte
			for i := 0; b.Loop(); i++ {
				buf = s.AppendKey(buf[:0], i%s.Count)
			}
		})
		b.Run(string(layout)+"/search", func(b *testing.B) {
			key := s.Key(s.Count / 3)
			for b.Loop() {
				s.Search(key)
			}
		})
	}
}
