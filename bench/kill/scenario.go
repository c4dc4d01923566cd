package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"

	"github.com/s3haul/s3haul/bench/internal/lab"
	"github.com/s3haul/s3haul/bench/s3sim"
)

// scenario is an operation that is killed.
type scenario struct {
	name    string
	latency string // of the simulator
	// lossy says that the server may be killed with it.
	lossy bool
	place func(*bench, context.Context, *spot) error
}

// scenarios are all there are. What a run takes is the latency's and the rate's
// doing: half a second, or two.
func scenarios() []scenario {
	return []scenario{
		{"upload-sync", "10ms", true, func(b *bench, ctx context.Context, s *spot) error { return b.upload(ctx, s, "sync") }},
		{"download-sync", "10ms", true, (*bench).download},
		{"copy-sync", "40ms", true, (*bench).copies},
		{"purge", "50ms", false, (*bench).purge},
		{"upload-cp", "10ms", true, func(b *bench, ctx context.Context, s *spot) error { return b.upload(ctx, s, "cp", "--recursive") }},
		{"move-up", "10ms", false, (*bench).moveUp},
		{"move-down", "10ms", false, (*bench).moveDown},
	}
}

// spot is where one run, or several of the same, are: with data of its own, and
// what has to be so of it. place fills what comes behind the blank line.
type spot struct {
	dir    string // of this spot alone
	prefix string // of the objects of this spot alone, with a slash behind it
	large  int64
	rng    *rand.Rand
	store  *lab.Store

	args []string
	// whole is asked after each kill: what is there must be whole. It returns the
	// bytes that have arrived.
	whole func(context.Context) (int64, []error)
	// done is asked in the end.
	done func(context.Context) []error
	// moved is what the store counted of what went, in unit, and need what has to
	// go; nil where nothing is counted. again says that what has arrived goes once
	// more by design. May is what may have been lost by a kill.
	moved     func(s3sim.Stats) int64
	need, may int64
	unit      string
	again     bool
	// closing ends what the spot had for itself; may be nil.
	closing func() error
}

func (s *spot) state() string { return filepath.Join(s.dir, "state") }

// env is what s3haul is told by the environment.
func (s *spot) env() []string {
	return append(s.store.Environment(), "XDG_STATE_HOME="+s.state())
}

// command is s3haul's, slow enough to be killed.
func (s *spot) command(words ...string) []string {
	return append(words, "--json", "--part-size", "5MiB", "--concurrency", fmt.Sprint(concurrency), "--limit-rate", rate(s.large))
}

// rate has a tree of some large file take a second.
func rate(large int64) string { return fmt.Sprintf("%dMiB", (large/mib+50)*11/10) }

func (s *spot) bucket() string { return "s3://" + s.store.Bucket + "/" + s.prefix }

// counted has the bytes counted that come or go.
func (s *spot) counted(moved func(s3sim.Stats) int64, need int64) {
	s.moved, s.need, s.may, s.unit = moved, need, inFlight, "bytes"
}

// nothingLeft is so of every spot in the end.
func (s *spot) nothingLeft(ctx context.Context) []error {
	return append(leftIn("of the journal", s.state()), openUploads(ctx, s.store, s.store.Bucket, s.prefix)...)
}

// compare has what is there held against the states that may be there, at the end
// against the last of them; look says what of them has arrived.
func (s *spot) compare(may states, look func(ctx context.Context, last bool) (arrived map[string]bool, problems []error)) {
	s.whole = func(ctx context.Context) (int64, []error) {
		arrived, problems := look(ctx, false)
		return may.bytesOf(arrived), problems
	}
	s.done = func(ctx context.Context) []error {
		arrived, problems := look(ctx, true)
		problems = append(problems, may.missing(arrived)...)
		return append(problems, s.nothingLeft(ctx)...)
	}
}

func (b *bench) upload(ctx context.Context, s *spot, verb ...string) error {
	t, err := b.trees(ctx, s.large)
	if err != nil {
		return err
	}
	if err := put(ctx, s.store, s.prefix, t.objects); err != nil {
		return err
	}
	may := statesOf(t.now, t.objects)
	s.args = s.command(append(verb, t.now.Dir, s.bucket())...)
	s.again = verb[0] == "cp"
	s.compare(may, func(ctx context.Context, last bool) (map[string]bool, []error) {
		return may.inBucket(ctx, s.store, s.prefix, last)
	})
	s.counted(func(st s3sim.Stats) int64 { return st.BytesIn }, t.now.Bytes)
	return nil
}

func (b *bench) download(ctx context.Context, s *spot) error {
	t, err := b.trees(ctx, s.large)
	if err != nil {
		return err
	}
	from, err := b.stock(ctx, s)
	if err != nil {
		return err
	}
	dst := filepath.Join(s.dir, "down") + "/"
	if err := replicate(t.files, dst, false); err != nil {
		return err
	}
	may := statesOf(t.now, t.files)
	s.args = s.command("sync", from, dst)
	s.compare(may, func(_ context.Context, last bool) (map[string]bool, []error) { return may.inDir(dst, last) })
	s.counted(func(st s3sim.Stats) int64 { return st.BytesOut }, t.now.Bytes)
	return nil
}

func (b *bench) copies(ctx context.Context, s *spot) error {
	t, err := b.trees(ctx, s.large)
	if err != nil {
		return err
	}
	from, err := b.stock(ctx, s)
	if err != nil {
		return err
	}
	if err := put(ctx, s.store, s.prefix, t.objects); err != nil {
		return err
	}
	may := statesOf(t.now, t.objects)
	s.args = s.command("sync", from, s.bucket())
	s.compare(may, func(ctx context.Context, last bool) (map[string]bool, []error) {
		return may.inBucket(ctx, s.store, s.prefix, last)
	})
	// The store carries the bytes itself; what is counted are its orders.
	s.unit, s.may = "requests", concurrency
	s.moved = func(st s3sim.Stats) int64 { return st.Ops["UploadPartCopy"] + st.Ops["CopyObject"] }
	s.need = b.orders["copy-sync"] // 0 before the first
	return nil
}

func (b *bench) moveUp(ctx context.Context, s *spot) error {
	t, err := b.trees(ctx, s.large)
	if err != nil {
		return err
	}
	src := filepath.Join(s.dir, "up") + "/"
	if err := replicate(t.now, src, true); err != nil {
		return err
	}
	may := statesOf(t.now)
	s.args = s.command("mv", "--recursive", src, s.bucket())
	s.whole = func(ctx context.Context) (int64, []error) {
		arrived, problems := may.inBucket(ctx, s.store, s.prefix, false)
		left, more := may.inDir(src, true)
		return may.bytesOf(arrived), append(append(problems, more...), may.lost(arrived, left)...)
	}
	s.done = func(ctx context.Context) []error {
		arrived, problems := may.inBucket(ctx, s.store, s.prefix, true)
		problems = append(problems, may.missing(arrived)...)
		problems = append(problems, leftIn("the file", src)...)
		return append(problems, s.nothingLeft(ctx)...)
	}
	s.counted(func(st s3sim.Stats) int64 { return st.BytesIn }, t.now.Bytes)
	return nil
}

func (b *bench) moveDown(ctx context.Context, s *spot) error {
	t, err := b.trees(ctx, s.large)
	if err != nil {
		return err
	}
	if err := put(ctx, s.store, s.prefix, t.now); err != nil {
		return err
	}
	dst := filepath.Join(s.dir, "down") + "/"
	may := statesOf(t.now)
	s.args = s.command("mv", "--recursive", s.bucket(), dst)
	s.whole = func(ctx context.Context) (int64, []error) {
		left, problems := may.inBucket(ctx, s.store, s.prefix, true)
		arrived, more := may.inDir(dst, false)
		return may.bytesOf(arrived), append(append(problems, more...), may.lost(arrived, left)...)
	}
	s.done = func(ctx context.Context) []error {
		arrived, problems := may.inDir(dst, true)
		problems = append(problems, may.missing(arrived)...)
		left, err := list(ctx, s.store, s.store.Bucket, s.prefix, "")
		if err == nil && len(left) > 0 {
			err = fmt.Errorf("%d objects are left, %q is the first", len(left), left[0].key)
		}
		if err != nil {
			problems = append(problems, err)
		}
		return append(problems, s.nothingLeft(ctx)...)
	}
	return nil
}

// lost are the names that are on neither side.
func (s states) lost(one, other map[string]bool) (problems []error) {
	for name := range s {
		if !one[name] && !other[name] {
			problems = append(problems, fmt.Errorf("%q is lost: it is on neither side", name))
		}
	}
	return problems
}

// stock is a prefix that has all objects, put there once.
func (b *bench) stock(ctx context.Context, s *spot) (string, error) {
	t, err := b.trees(ctx, s.large)
	if err != nil {
		return "", err
	}
	prefix := fmt.Sprintf("stock-%d/", s.large/mib)
	if !b.stocked[s.store.Endpoint+prefix] {
		if err := put(ctx, s.store, prefix, t.now); err != nil {
			return "", err
		}
		b.stocked[s.store.Endpoint+prefix] = true
	}
	return "s3://" + s.store.Bucket + "/" + prefix, nil
}
