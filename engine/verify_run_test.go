package engine_test

import (
	"errors"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
	"github.com/s3haul/s3haul/walker"
)

// outcomes are those of a Verify, by key.
func (r *recorder) outcomes(t *testing.T) map[string]report.Outcome {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[string]report.Outcome{}
	for _, e := range r.all {
		if e.Kind != report.Compared {
			continue
		}
		if _, twice := all[e.Key]; twice {
			t.Errorf("%q was compared twice", e.Key)
		}
		if (e.Outcome == report.Unreadable) != (e.Err != nil) {
			t.Errorf("%q: %q with %v", e.Key, e.Outcome, e.Err)
		}
		all[e.Key] = e.Outcome
	}
	return all
}

// Each object is compared, in each direction, by what is stored and by its bytes;
// nothing changes.
func TestVerify(t *testing.T) {
	ways(t, func(t *testing.T, p pair, readSource func() tree) {
		here := numbered("k", 40).with(tree{
			"differs": "abc", "longer": "abcd", "missing": "1", "empty": "", "d/e": strings.Repeat("x", 9*mib), "d/f": strings.Repeat("x", 9*mib), "out/a": "1",
		})
		there := here.with(tree{"differs": "abX", "longer": "abc", "extra": "1", "out/a": "22", "d/f": strings.Repeat("x", 9*mib-1) + "y"})
		delete(there, "missing")
		p.source(here)
		p.target(there)
		want := map[string]report.Outcome{
			"differs": report.Differs, "longer": report.Differs, "missing": report.Missing, "extra": report.Extra,
			"empty": report.Equal, "d/e": report.Equal, "d/f": report.Differs,
		}
		for key := range numbered("k", 40) {
			want[key] = report.Equal
		}
		filters := []walker.Rule{{Pattern: "out/*"}}
		for _, o := range []engine.VerifyOptions{{}, {Download: true}, {OneWay: true}} {
			sink := &recorder{}
			o.RunOptions = engine.RunOptions{Report: sink, Filters: filters}
			sum, err := p.eng.Verify(t.Context(), p.src, p.dst, o)
			must(t, err)
			want := maps.Clone(want)
			if o.OneWay {
				delete(want, "extra")
			}
			if got := sink.outcomes(t); !maps.Equal(got, want) {
				t.Errorf("%+v: got %v", o, got)
			}
			if sum.Exit() != 1 || sum.Failed != 0 || sum.Planned.Objects != int64(len(want)) {
				t.Errorf("exit %d; %+v", sum.Exit(), sum)
			}
		}
		expect(t, "source", readSource(), here)
		expect(t, "destination", p.read(), there)

		equal := numbered("k", 40).keys()
		sum, err := p.eng.Verify(t.Context(), p.src, p.dst, engine.VerifyOptions{RunOptions: engine.RunOptions{
			Filters: []walker.Rule{{Pattern: "*"}, {Include: true, Pattern: "k*"}},
		}})
		whole(t, sum, err)
		if sum.Exit() != 0 || len(sum.Outcomes) != 1 || sum.Outcomes[0] != (report.OutcomeCount{Outcome: report.Equal, Objects: int64(len(equal))}) {
			t.Errorf("what is equal: exit %d; %+v", sum.Exit(), sum.Outcomes)
		}
	})
}

// One object and one file.
func TestVerifyOne(t *testing.T) {
	bucket := wiretest.Bucket(t)
	dir := tree{"a": "abc", "b": "abX", "c": "", "d": "abcd"}.write(t, t.TempDir())
	tree{"a": "abc", "c": ""}.put(t, bucket)
	link(t, "a", filepath.Join(dir, "link"))
	link(t, "nowhere", filepath.Join(dir, "broken"))
	eng := newEngine(t, options(t))
	file := func(name string) engine.Location { return engine.File(filepath.Join(dir, name)) }
	object := func(key string) engine.Location { return engine.Object(bucket, key) }
	for _, c := range []struct {
		src, dst engine.Location
		want     report.Outcome
	}{
		{file("a"), object("a"), report.Equal},
		{object("a"), file("a"), report.Equal},
		{object("a"), object("a"), report.Equal},
		{file("b"), object("a"), report.Differs},
		{file("d"), object("a"), report.Differs},
		{object("a"), file("c"), report.Differs},
		{file("c"), object("c"), report.Equal},
		{object("a"), file("link"), report.Equal},
		{object("a"), file("broken"), report.Differs},
		{file("a"), object("absent"), report.Missing},
		{object("a"), file("absent"), report.Missing},
	} {
		sink := &recorder{}
		_, err := eng.Verify(t.Context(), c.src, c.dst, engine.VerifyOptions{RunOptions: engine.RunOptions{Report: sink}})
		must(t, err)
		if got := sink.outcomes(t); len(got) != 1 || got[""] != c.want {
			t.Errorf("%s and %s: %v, want %q", c.src, c.dst, got, c.want)
		}
	}
	var missing *engine.MissingError
	if _, err := eng.Verify(t.Context(), file("absent"), object("a"), engine.VerifyOptions{}); !errors.As(err, &missing) {
		t.Errorf("a source that is not there: %v", err)
	}
	if _, err := eng.Verify(t.Context(), object("absent"), file("a"), engine.VerifyOptions{}); !wire.NotFound(err) {
		t.Errorf("a source that is not there: %v", err)
	}
	for _, c := range [][2]engine.Location{{file("a"), file("b")}, {file("a"), engine.Bucket(bucket, "")}, {engine.Dir(dir), object("a")}} {
		if _, err := eng.Verify(t.Context(), c[0], c[1], engine.VerifyOptions{}); !errors.Is(err, engine.ErrUsage) {
			t.Errorf("%s and %s: %v", c[0], c[1], err)
		}
	}
}

// What cannot be read is never equal, and what a listing does not give is an
// error.
func TestVerifyOfWhatCannotBeRead(t *testing.T) {
	dir, bucket := t.TempDir(), wiretest.Bucket(t)
	tree{"a": "abc", "d/b": "abc"}.write(t, dir)
	tree{"a": "abc", "d/b": "abc", "link": "1", "unlisted/a": "1"}.put(t, bucket)
	link(t, "nowhere", filepath.Join(dir, "link"))
	below := beyond(t, dir)
	if runtime.GOOS != "windows" {
		t.Chdir(dir) // the path of a socket has 108 bytes at most
		l, err := new(net.ListenConfig).Listen(t.Context(), "unix", "socket")
		must(t, err)
		defer l.Close()
	}
	fails := ""
	p := newProxy(t, func(w http.ResponseWriter, r *http.Request) bool {
		switch fails {
		case "list":
			return isList(r) && deny(w, http.StatusForbidden, "AccessDenied")
		case "get":
			return isGet(r, "a") && deny(w, http.StatusForbidden, "AccessDenied")
		}
		return false
	})
	eng := newEngine(t, p.options(t))
	for _, up := range []bool{true, false} {
		src, dst := engine.Dir(dir), engine.Bucket(bucket, "")
		if !up {
			src, dst = dst, src
		}
		fails = "get"
		sink := &recorder{}
		sum, err := eng.Verify(t.Context(), src, dst, engine.VerifyOptions{Download: true, RunOptions: engine.RunOptions{Report: sink}})
		must(t, err)
		got := sink.outcomes(t)
		unlisted := 0
		for key, o := range got {
			if strings.HasPrefix(key, below) {
				delete(got, key)
				if o == report.Unreadable {
					unlisted++
				}
			}
		}
		want := map[string]report.Outcome{"a": report.Unreadable, "d/b": report.Equal, "link": report.Unreadable}
		if !maps.Equal(got, want) || unlisted != 1 && up || unlisted == 0 || sum.Exit() != 1 {
			t.Errorf("up %v: %v, %d unlisted, exit %d", up, got, unlisted, sum.Exit())
		}
		if runtime.GOOS != "windows" && !slices.Equal(sink.keys(report.Warning), []string{"socket"}) {
			t.Errorf("up %v: warned of %q", up, sink.keys(report.Warning))
		}
		fails = "list"
		sink = &recorder{}
		sum, err = eng.Verify(t.Context(), src, dst, engine.VerifyOptions{RunOptions: engine.RunOptions{Report: sink}})
		if wire.Code(err) != "AccessDenied" || slices.Contains(slices.Collect(maps.Values(sink.outcomes(t))), report.Missing) {
			t.Errorf("up %v: a listing that failed: %v; %+v", up, err, sum.Outcomes)
		}
	}
	must(t, os.Remove(filepath.Join(dir, "link")))
}

// Where a store says nothing of an object's content, it is equal in size, and the
// run exits with 2.
func TestVerifyBySizeAlone(t *testing.T) {
	p := newProxy(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodHead && !isList(r) && r.Method != http.MethodGet {
			return false
		}
		w.Header().Set("ETag", `"opaque"`)
		if isList(r) {
			_, _ = w.Write([]byte(`<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key><Size>3</Size><ETag>"opaque"</ETag></Contents></ListBucketResult>`))
			return true
		}
		w.Header().Set("Content-Length", "3")
		if r.Method == http.MethodGet {
			_, _ = w.Write([]byte("abc"))
		}
		return true
	})
	dir := tree{"a": "abc"}.write(t, t.TempDir())
	eng := newEngine(t, p.options(t))
	for download, want := range map[bool]report.Outcome{false: report.SameSize, true: report.Equal} {
		sink := &recorder{}
		sum, err := eng.Verify(t.Context(), engine.Dir(dir), engine.Bucket("some-bucket", ""), engine.VerifyOptions{
			Download: download, RunOptions: engine.RunOptions{Report: sink},
		})
		must(t, err)
		if got := sink.outcomes(t); got["a"] != want || sum.Exit() == 0 != download || sum.Exit() > 2 {
			t.Errorf("download %v: %v, exit %d", download, got, sum.Exit())
		}
	}
}
