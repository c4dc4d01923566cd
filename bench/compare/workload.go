package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/s3haul/s3haul/bench/s3sim"
)

// workload is a kind of work, given to each tool in turn.
type workload struct {
	name  string
	title string // for people
	// repeat is how often it is run for one figure; 0 is once.
	repeat int
	// once: no request is made, so that it is the same at each latency.
	once bool
	// keep: the simulator is to keep bodies of any size, and their MD5 with
	// them: rclone and s3cmd compare it with the ETag of what they sent or got
	// in one request.
	keep  func(c *comparison) int64
	files func(ctx context.Context, d *source) (*files, error)
	// prepare puts into the store what is to be there; may be nil.
	prepare func(ctx context.Context, c *comparison, s *store, f *files) error
	// job is one run's; its name is unlike those of other runs.
	job func(c *comparison, s *store, f *files, name string) job
	// check says what was not done.
	check func(ctx context.Context, c *comparison, s *store, f *files, done outcome) error
}

// outcome is a run that ended well by its own account.
type outcome struct {
	job    job
	run    Run
	stdout string // the file that it is in
	stats  s3sim.Stats
}

func workloads() []*workload {
	small := func(ctx context.Context, d *source) (*files, error) { return d.smallFiles(ctx) }
	large := func(ctx context.Context, d *source) (*files, error) { return d.largeFile(ctx) }
	mixed := func(ctx context.Context, d *source) (*files, error) { return d.mixedFiles(ctx) }
	noop := func(ctx context.Context, d *source) (*files, error) { return d.noopTree(ctx) }
	nothing := func(context.Context, *source) (*files, error) { return &files{}, nil }
	return []*workload{
		{
			name: "small-up", title: "upload 10,000 files of 4 KiB",
			files: small, job: treeUp, check: uploaded,
		},
		{
			name: "small-down", title: "download 10,000 files of 4 KiB",
			files: small, prepare: there, job: treeDown, check: downloaded,
		},
		{
			name: "large-up", title: "upload one file of 2 GiB", keep: keepLarge,
			files: large, job: fileUp, check: uploaded,
		},
		{
			name: "large-down", title: "download one file of 2 GiB", keep: keepLarge,
			files: large, prepare: there, job: fileDown, check: downloaded,
		},
		{
			name: "mixed-up", title: "upload 1 GiB of 1 KiB to 64 MiB", keep: keepMixed,
			files: mixed, job: treeUp, check: uploaded,
		},
		{
			name: "mixed-down", title: "download 1 GiB of 1 KiB to 64 MiB", keep: keepMixed,
			files: mixed, prepare: there, job: treeDown, check: downloaded,
		},
		{
			name: "noop-sync", title: "nothing to do, 200,000 files in 200 directories",
			files: noop, prepare: noopThere, check: unchanged,
			job: func(_ *comparison, s *store, f *files, _ string) job {
				bucket, prefix := s.noop()
				return job{kind: syncTree, local: f.dir, bucket: bucket, key: prefix}
			},
		},
		{
			name: "list", title: "list 200,000 keys",
			files: noop, prepare: noopThere, check: listed,
			job: func(_ *comparison, s *store, _ *files, _ string) job {
				bucket, prefix := s.noop()
				return job{kind: list, bucket: bucket, key: prefix}
			},
		},
		{
			name: "startup", title: "say the version", repeat: 20, once: true,
			files: nothing, check: said,
			job: func(*comparison, *store, *files, string) job { return job{kind: version} },
		},
	}
}

// chosen are the workloads of the names, in their own order; a name may be the
// start of some.
func chosen(names []string) ([]*workload, error) {
	var some []*workload
	used := map[string]bool{}
	for _, w := range workloads() {
		take := len(names) == 0
		for _, name := range names {
			if w.name == name || strings.HasPrefix(w.name, name+"-") {
				take, used[name] = true, true
			}
		}
		if take {
			some = append(some, w)
		}
	}
	var errs []error
	for _, name := range names {
		if !used[name] {
			errs = append(errs, fmt.Errorf("there is no workload %q", name))
		}
	}
	return some, errors.Join(errs...)
}

// keepMixed is more than the largest of the mixed files.
func keepMixed(*comparison) int64 { return 64 << 20 }

// keepLarge keeps the large file where a small scale makes it so small that
// tools send it in one request.
func keepLarge(c *comparison) int64 {
	if size := int64(float64(c.options.large) * c.options.scale); size <= 256<<20 {
		return size
	}
	return 0
}

func treeUp(_ *comparison, s *store, f *files, name string) job {
	return job{kind: upTree, local: f.dir, bucket: s.bucket, key: s.prefix + name + "/"}
}

func fileUp(_ *comparison, s *store, f *files, name string) job {
	return job{kind: upFile, local: f.dir + f.one(), bucket: s.bucket, key: s.prefix + name + "/" + f.one()}
}

func treeDown(c *comparison, s *store, _ *files, name string) job {
	return job{kind: downTree, local: c.fresh(name), bucket: s.bucket, key: s.prefix + "there/"}
}

func fileDown(c *comparison, s *store, f *files, name string) job {
	return job{kind: downFile, local: c.fresh(name) + f.one(), bucket: s.bucket, key: s.prefix + "there/" + f.one()}
}

// fresh is the path of a directory for one run's downloads.
func (c *comparison) fresh(name string) string { return filepath.Join(c.dir, "fresh", name) + "/" }

// there uploads the files that are to be downloaded.
func there(ctx context.Context, c *comparison, s *store, f *files) error {
	j := job{kind: upTree, local: f.dir, bucket: s.bucket, key: s.prefix + "there/"}
	if _, err := c.measure(ctx, c.floor, s, j); err != nil {
		return err
	}
	return s.has(ctx, j.key, f)
}

// noop is where the keys of the no-op sync are: at the simulator it made them up.
func (s *store) noop() (bucket, prefix string) {
	if s.synthetic {
		return noopKeys(0).Bucket, ""
	}
	return s.bucket, s.prefix + "noop/"
}

func noopThere(ctx context.Context, c *comparison, s *store, f *files) error {
	bucket, prefix := s.noop()
	if bucket != s.bucket {
		return nil
	}
	_, err := c.measure(ctx, c.s3haul, s, job{kind: upTree, local: f.dir, bucket: bucket, key: prefix})
	return err
}

func uploaded(ctx context.Context, _ *comparison, s *store, f *files, done outcome) error {
	prefix := done.job.key
	if done.job.kind == upFile {
		prefix = strings.TrimSuffix(prefix, f.one())
	}
	if s.simulated && done.stats.BytesIn < f.bytes {
		return fmt.Errorf("%d bytes of %d were sent", done.stats.BytesIn, f.bytes)
	}
	if err := s.has(ctx, prefix, f); err != nil {
		return err
	}
	name := f.one()
	if err := s.holds(ctx, prefix+name, f.sums[name]); err != nil {
		return err
	}
	return s.clear(ctx, prefix)
}

func downloaded(_ context.Context, _ *comparison, s *store, f *files, done outcome) error {
	dir := done.job.local
	if done.job.kind == downFile {
		dir = strings.TrimSuffix(dir, f.one())
	}
	if s.simulated && done.stats.BytesOut < f.bytes {
		return fmt.Errorf("%d bytes of %d were asked for", done.stats.BytesOut, f.bytes)
	}
	return f.same(dir)
}

func unchanged(_ context.Context, _ *comparison, s *store, f *files, done outcome) error {
	if !s.simulated {
		return nil
	}
	for _, op := range []string{
		"PutObject", "CopyObject", "CreateMultipartUpload", "UploadPart", "DeleteObject", "DeleteObjects", "GetObject",
	} {
		if n := done.stats.Ops[op]; n > 0 {
			return fmt.Errorf("%d requests %s, where nothing was to be done", n, op)
		}
	}
	if pages := done.stats.Ops["ListObjectsV2"] + done.stats.Ops["ListObjects"]; pages < int64(len(f.sums)/1000) {
		return fmt.Errorf("%d pages were listed of %d objects", pages, len(f.sums))
	}
	return nil
}

func listed(_ context.Context, _ *comparison, _ *store, f *files, done outcome) error {
	text, err := os.ReadFile(done.stdout)
	if err != nil {
		return err
	}
	if lines := bytes.Count(text, []byte{'\n'}); lines != len(f.sums) {
		return fmt.Errorf("%d lines for %d keys", lines, len(f.sums))
	}
	return nil
}

func said(_ context.Context, _ *comparison, _ *store, _ *files, done outcome) error {
	text, err := os.ReadFile(done.stdout)
	if err == nil && len(text) == 0 {
		err = errors.New("it said nothing")
	}
	return err
}
