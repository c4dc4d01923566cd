package transfer

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

func TestTimes(t *testing.T) {
	for _, c := range []struct {
		text string
		sec  int64
		nsec int64
	}{
		{"1700000000.123456789", 1_700_000_000, 123_456_789},
		{"1700000000", 1_700_000_000, 0},
		{"1700000000.5", 1_700_000_000, 500_000_000},
		{"1700000000.000000001", 1_700_000_000, 1},
		{"0", 0, 0},
		{"-0.5", -1, 500_000_000},
		{"-1", -1, 0},
		{"-1.25", -2, 750_000_000},
		{"-86400.000000001", -86401, 999_999_999},
	} {
		when := time.Unix(c.sec, c.nsec)
		if got := formatTime(when); got != c.text {
			t.Errorf("%v is written as %s, want %s", when, got, c.text)
		}
		if got, ok := parseTime(c.text); !ok || !got.Equal(when) {
			t.Errorf("%s is read as %v, %v", c.text, got, ok)
		}
	}
	for text, want := range map[string]time.Time{ // what others write
		"1700000000.1234567891":          time.Unix(1_700_000_000, 123_456_789),
		"1700000000.":                    time.Unix(1_700_000_000, 0),
		"2023-11-14T22:13:20.123Z":       time.Unix(1_700_000_000, 123_000_000),
		"2023-11-14T23:13:20.123+01:00":  time.Unix(1_700_000_000, 123_000_000),
		"1700000000.123456789 ":          {},
		"":                               {},
		"now":                            {},
		"1e9":                            {},
		"+1":                             {},
		"--1":                            {},
		".5":                             {},
		"1.-5":                           {},
		"1.5x":                           {},
		"99999999999999999999":           {},
		"9223372036854775807":            {},
		"253402300800":                   {}, // the year 10000
		"-99999999999":                   {},
		"0001-01-01T00:00:00Z":           {},
		"1700000000.1234567890123456789": time.Unix(1_700_000_000, 123_456_789),
	} {
		got, ok := parseTime(text)
		if ok == want.IsZero() || ok && !got.Equal(want) {
			t.Errorf("%q is read as %v, %v", text, got, ok)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	f.Add("1700000000.123456789")
	f.Add("-1.5")
	f.Add("2023-11-14T22:13:20.123Z")
	f.Fuzz(func(t *testing.T, s string) {
		when, ok := parseTime(s)
		if !ok {
			return
		}
		if back, ok := parseTime(formatTime(when)); !ok || !back.Equal(when) {
			t.Errorf("%q is %v, which is written as %q and is %v then", s, when, formatTime(when), back)
		}
	})
}

// What was kept on the way up comes back on the way down, small or large, and
// only where it is asked for.
func TestPreserve(t *testing.T) {
	when := time.Unix(1_600_000_000, 123_456_000)
	for _, size := range []int{1000, large} {
		for _, up := range []bool{false, true} {
			for _, down := range []bool{false, true} {
				for _, there := range []bool{false, true} {
					name := fmt.Sprintf("%d bytes, up %v, down %v, there %v", size, up, down, there)
					r := newRig(t, 64<<20)
					path := r.file(t, content(size))
					if err := os.Chmod(path, 0o640); err != nil {
						t.Fatal(err)
					}
					if err := os.Chtimes(path, when, when); err != nil {
						t.Fatal(err)
					}
					r.Preserve = up
					if _, err := r.Upload(t.Context(), path, Object{Bucket: "b", Key: "k"}); err != nil {
						t.Fatal(err)
					}
					meta := r.facts["k"].meta
					switch {
					case !up && len(meta) == 0:
					case up && meta["mtime"] == "1600000000.123456" && (meta["mode"] == "100640" || runtime.GOOS == "windows"):
					default:
						t.Errorf("%s: metadata %v", name, meta)
					}
					if there {
						if err := os.WriteFile(filepath.Join(r.dir, "f"), nil, 0o604); err != nil {
							t.Fatal(err)
						}
						if err := os.Chmod(filepath.Join(r.dir, "f"), 0o604); err != nil {
							t.Fatal(err)
						}
					}
					r.Preserve = down
					src := Object{Bucket: "b", Key: "k", Size: int64(size), ETag: r.tag("k"), ModTime: time.Unix(1_700_000_000, 0)}
					if _, err := r.Download(t.Context(), src, r.root, "f"); err != nil {
						t.Fatal(err)
					}
					fi, err := os.Stat(filepath.Join(r.dir, "f"))
					if err != nil {
						t.Fatal(err)
					}
					wantTime, wantMode := src.ModTime, fs.FileMode(0)
					if there {
						wantMode = 0o604
					}
					if up && down {
						wantTime, wantMode = when, 0o640
					}
					if !fi.ModTime().Equal(wantTime) || runtime.GOOS != "windows" && wantMode != 0 && fi.Mode() != wantMode {
						t.Errorf("%s: %v, %v; want %v, %v", name, fi.ModTime(), fi.Mode(), wantTime, wantMode)
					}
					r.clean(t)
				}
			}
		}
	}
}

// Metadata may be anybody's: what makes no sense is passed over, and no file ever
// becomes one that runs as somebody else.
func TestPreservedNonsense(t *testing.T) {
	plain := time.Unix(1_700_000_000, 0) // of the answer
	for _, c := range []struct {
		meta map[string]string
		mode fs.FileMode // 0: as any other
		time time.Time
	}{
		{map[string]string{"mtime": "yesterday", "mode": "rw-r--r--"}, 0, plain},
		{map[string]string{"mtime": "", "mode": ""}, 0, plain},
		{map[string]string{"mode": "106755"}, 0o755, plain},
		{map[string]string{"mode": "7777"}, 0o777, plain},
		{map[string]string{"mode": "644"}, 0o644, plain},
		{map[string]string{"mode": "-644"}, 0, plain},
		{map[string]string{"mode": "100000"}, 0, plain}, // nobody could read it
		{map[string]string{"mode": "99999999999999999999999"}, 0, plain},
		{map[string]string{"mode": "0888"}, 0, plain},
		{map[string]string{"mtime": "1600000000.5"}, 0, time.Unix(1_600_000_000, 500_000_000)},
	} {
		r := newRig(t, 16<<20)
		r.Preserve = true
		src := r.object(content(10))
		r.facts["k"] = facts{meta: c.meta}
		if _, err := r.Download(t.Context(), src, r.root, "f"); err != nil {
			t.Fatal(err)
		}
		fi, err := os.Stat(filepath.Join(r.dir, "f"))
		if err != nil {
			t.Fatal(err)
		}
		if !fi.ModTime().Equal(c.time) || fi.Mode()&^fs.ModePerm != 0 || runtime.GOOS != "windows" && c.mode != 0 && fi.Mode() != c.mode {
			t.Errorf("%v: %v, %v", c.meta, fi.ModTime(), fi.Mode())
		}
		r.clean(t)
	}
}
