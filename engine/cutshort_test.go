package engine_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/engine/report"
)

// cutShort wants a run that a bound has ended.
func cutShort(t *testing.T, sum engine.Summary, err error, bound engine.Bound) *engine.BoundError {
	t.Helper()
	e, ok := errors.AsType[*engine.BoundError](err)
	if !ok || e.Bound != bound || sum.CutShort != string(bound) || sum.Failed != 0 {
		t.Fatalf("%v; cut short by %q, %d failed", err, sum.CutShort, sum.Failed)
	}
	return e
}

// A run that has begun so many bytes ends what is under way and begins no other
// object and no delete; called again it goes on, until all is done.
func TestMaxTransfer(t *testing.T) {
	pairs(t, func(t *testing.T, p pair) {
		all := tree{"a": "1111", "b": "2222", "c": "3333", "d": "4444", "e": "5555"}
		p.source(all)
		p.target(tree{"0": "to be deleted"})
		o := engine.SyncOptions{Delete: true, RunOptions: engine.RunOptions{MaxTransfer: 7}}
		want := tree{"0": "to be deleted"}
		for _, keys := range [][]string{{"a", "b"}, {"c", "d"}} {
			sink := &recorder{}
			o.Report = sink
			sum, err := p.eng.Sync(t.Context(), p.src, p.dst, o)
			e := cutShort(t, sum, err, engine.MaxTransfer)
			if e.Objects != 2 || e.Bytes != 8 || sum.Held != 1 || !slices.Equal(sink.keys(report.Done), keys) {
				t.Errorf("%+v, %d held, done %q", e, sum.Held, sink.keys(report.Done))
			}
			for _, key := range keys {
				want[key] = all[key]
			}
			expect(t, "when it has ended", p.read(), want)
		}
		sum, err := p.eng.Sync(t.Context(), p.src, p.dst, o)
		whole(t, sum, err)
		expect(t, "in the end", p.read(), all)
		if sum.CutShort != "" {
			t.Errorf("cut short by %q", sum.CutShort)
		}
	})
}

// When time is up nothing else begins, deletes neither.
func TestMaxDuration(t *testing.T) {
	pairs(t, func(t *testing.T, p pair) {
		p.source(tree{"a": "1"})
		p.target(tree{"z": "2"})
		o := engine.SyncOptions{Delete: true, RunOptions: engine.RunOptions{MaxDuration: 1}}
		sum, err := p.eng.Sync(t.Context(), p.src, p.dst, o)
		cutShort(t, sum, err, engine.MaxDuration)
		expect(t, "cut short", p.read(), tree{"z": "2"})
		o.MaxDuration = time.Hour
		sum, err = p.eng.Sync(t.Context(), p.src, p.dst, o)
		whole(t, sum, err)
		expect(t, "in an hour", p.read(), tree{"a": "1"})
	})
}

func TestBoundsThatCannotBe(t *testing.T) {
	eng := newEngine(t, options(t))
	dir := engine.Dir(t.TempDir())
	for _, o := range []engine.RunOptions{{MaxTransfer: -1}, {MaxDuration: -time.Second}} {
		if _, err := eng.Sync(t.Context(), dir, engine.Bucket("bucket", ""), engine.SyncOptions{RunOptions: o}); !errors.Is(err, engine.ErrUsage) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// What bounds an engine: its options, and where they are silent the s3 section
// of the AWS config file.
func TestCeilings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	must(t, os.WriteFile(file, []byte("[default]\ns3 =\n  max_concurrent_requests = 7\n  max_bandwidth = 1000KB/s\n"), 0o600))
	t.Setenv("AWS_CONFIG_FILE", file)
	for _, q := range []struct {
		o    func(*engine.Options)
		most int // of the limit
		want []string
	}{
		{func(*engine.Options) {}, 7, []string{"max_concurrent_requests 7", "max_bandwidth 1000 KiB/s"}},
		{func(o *engine.Options) { o.MaxInFlight = 3 }, 3, []string{"max_bandwidth 1000 KiB/s"}},
		{func(o *engine.Options) { o.LimitRate = pool.Constant(0) }, 7, []string{"max_concurrent_requests 7"}},
	} {
		o := options(t)
		q.o(&o)
		eng := newEngine(t, o)
		if limit := eng.Load().Limit; limit < 1 || limit > q.most {
			t.Errorf("the limit is %d, want at most %d", limit, q.most)
		}
		sum, err := eng.Sync(t.Context(), engine.Dir(t.TempDir()), engine.Bucket("nothing", ""), engine.SyncOptions{})
		if err == nil || !slices.Equal(sum.Ceilings, q.want) {
			t.Errorf("%q, want %q; %v", sum.Ceilings, q.want, err)
		}
	}
	for _, bad := range []pool.Timetable{{{Rate: -1}}, {{Minute: -1}}} {
		o := options(t)
		o.LimitRate = bad
		if eng, err := engine.New(t.Context(), o); !errors.Is(err, engine.ErrUsage) {
			t.Errorf("%v: %v, %v", bad, eng, err)
		}
	}
}
