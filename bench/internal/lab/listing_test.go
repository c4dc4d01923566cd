package lab_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/s3haul/s3haul/bench/internal/lab"
	"github.com/s3haul/s3haul/bench/s3sim"
)

// tool prints a listing as some program does, and says where it has the key.
func tools() map[string]struct {
	field int
	line  func(key string, version int) string
} {
	return map[string]struct {
		field int
		line  func(key string, version int) string
	}{
		"aws":   {lab.KeyIsLast, func(key string, v int) string { return fmt.Sprintf("2025-01-30 10:42:38 %10d %s", v, key) }},
		"s3cmd": {lab.KeyIsLast, func(key string, v int) string { return fmt.Sprintf("2025-01-30 10:42 %9d  s3://many/%s\r", v, key) }},
		"s5cmd": {4, func(key string, v int) string {
			return fmt.Sprintf("2025/01/30 10:42:38              1024  %s                 %032x", key, v)
		}},
		"lsf": {1, func(key string, v int) string { return fmt.Sprintf("%s %d", key, v) }},
	}
}

// A listing is taken where each entry came once, however its output was cut into
// writes, and not where one is missing, another, or twice.
func TestListing(t *testing.T) {
	keys := s3sim.Synthetic{Bucket: "many", Layout: s3sim.LayoutHex, Count: 100, Versions: 3}
	of := lab.ListingOf(keys, true)
	if of.Count() != 300 || lab.ListingOf(keys, false).Count() != 100 {
		t.Errorf("%d entries", of.Count())
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for name, tool := range tools() {
		var good []string
		for i := range keys.Len() {
			for v := range keys.Versions {
				good = append(good, tool.line(keys.Key(i), v))
			}
		}
		changed := func(change func(lines []string) []string) []string { return change(slices.Clone(good)) }
		for _, c := range []struct {
			lines   []string
			ordered bool
			want    string
		}{
			{good, true, ""},
			{changed(func(l []string) []string { return append(l[3:], l[:3]...) }), false, ""},
			{changed(func(l []string) []string { return append(l[3:], l[:3]...) }), true, "1 keys came before"},
			{changed(func(l []string) []string { return slices.Delete(l, 7, 8) }), false, "299 lines"},
			{changed(func(l []string) []string { return append(l, l[299]) }), false, "301 lines"},
			{changed(func(l []string) []string { l[7] = l[6]; return l }), false, "1 lines came twice"},
			{changed(func(l []string) []string { l[6] = l[0]; return l }), false, "other keys"},
			{changed(func(l []string) []string { l[6] = ""; return l }), false, "other keys"},
			{nil, false, "0 lines"},
		} {
			text := strings.Join(c.lines, "\n")
			if len(c.lines) > 0 {
				text += "\n"
			}
			lines := of.Lines(tool.field)
			for len(text) > 0 {
				n := min(1+rng.IntN(200), len(text))
				if wrote, err := lines.Write([]byte(text[:n])); wrote != n || err != nil {
					t.Fatalf("%d, %v", wrote, err)
				}
				text = text[n:]
			}
			err := lines.Err(c.ordered)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s: %v, not %q", name, err, c.want)
			}
		}
		cut := of.Lines(tool.field)
		_, _ = cut.Write([]byte(strings.Join(good, "\n")))
		if err := cut.Err(false); err == nil || !strings.Contains(err.Error(), "no end") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for text, good := range map[string]bool{"300\n": true, "299\n": false, "": false, "3000\n": false} {
		lines := of.Lines(lab.NoKeys)
		_, _ = lines.Write([]byte(text))
		if err := lines.Err(true); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func BenchmarkListing(b *testing.B) {
	keys := s3sim.Synthetic{Bucket: "many", Layout: s3sim.LayoutFlat, Count: 10_000}
	var text []byte
	for i := range keys.Len() {
		text = fmt.Appendf(text, "2025-01-30 10:42:38       1024 %s\n", keys.Key(i))
	}
	of := lab.ListingOf(keys, false)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		lines := of.Lines(lab.KeyIsLast)
		_, _ = lines.Write(text)
		if err := lines.Err(true); err != nil {
			b.Fatal(err)
		}
	}
}
