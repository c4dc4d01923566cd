package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/s3haul/s3haul/bench/internal/lab"
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
	keep func(c *comparison) int64
	// made: the simulator makes up the keys, and nobody else can; nil: they are
	// those of the no-op sync, or put there.
	made func(c *comparison) *s3sim.Synthetic
	// consumed: what is there is gone after a run, each has a simulator of its own.
	consumed bool
	files    func(ctx context.Context, d *source) (*lab.Files, error)
	// prepare puts into the store what is to be there; may be nil.
	prepare func(ctx context.Context, c *comparison, s *lab.Store, f *lab.Files) error
	// job is one run's; its name is unlike those of other runs.
	job func(c *comparison, s *lab.Store, f *lab.Files, name string) job
	// check says what was not done.
	check func(ctx context.Context, c *comparison, s *lab.Store, f *lab.Files, done outcome) error
}

// outcome is a run that ended well by its own account.
type outcome struct {
	job    job
	run    Run
	stdout string     // the file that it is in
	lines  *lab.Lines // what a listing has printed, in place of the file
	stats  s3sim.Stats
}

func workloads() []*workload {
	small := func(ctx context.Context, d *source) (*lab.Files, error) { return d.smallFiles(ctx) }
	large := func(ctx context.Context, d *source) (*lab.Files, error) { return d.largeFile(ctx) }
	mixed := func(ctx context.Context, d *source) (*lab.Files, error) { return d.mixedFiles(ctx) }
	noop := func(ctx context.Context, d *source) (*lab.Files, error) { return d.noopTree(ctx) }
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
			job: func(c *comparison, s *lab.Store, f *lab.Files, _ string) job {
				bucket, prefix := c.noop(s)
				return job{kind: syncTree, local: f.Dir, bucket: bucket, key: prefix}
			},
		},
		listing("list", "list 1,000,000 keys of one prefix", list, s3sim.LayoutFlat, listCount, 0),
		listing("list-dates", "list 1,000,000 keys by date, most of them new", list, s3sim.LayoutDates, listCount, 0),
		listing("list-hex", "list 1,000,000 keys below 65,536 prefixes", list, s3sim.LayoutHex, listCount, 0),
		listing("versions", "list 500,000 versions of 100,000 keys", listVersions, s3sim.LayoutFlat, purgeCount, purgeVersions),
		{
			name: "purge", title: "remove 500,000 versions of 100,000 keys", consumed: true,
			made: madeOf(s3sim.LayoutFlat, purgeCount, purgeVersions), files: nothing, check: purged,
			job: func(c *comparison, _ *lab.Store, _ *lab.Files, _ string) job {
				made := madeOf(s3sim.LayoutFlat, purgeCount, purgeVersions)(c)
				return job{kind: purge, bucket: made.Bucket, made: made}
			},
		},
		{
			name: "startup", title: "say the version", repeat: 20, once: true,
			files: nothing, check: said,
			job: func(*comparison, *lab.Store, *lab.Files, string) job { return job{kind: version} },
		},
	}
}

// chosen are the workloads of the names.
func chosen(names []string) ([]*workload, error) {
	return lab.Chosen("workload", workloads(), func(w *workload) string { return w.name }, names)
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

func treeUp(_ *comparison, s *lab.Store, f *lab.Files, name string) job {
	return job{kind: upTree, local: f.Dir, bucket: s.Bucket, key: s.Prefix + name + "/"}
}

func fileUp(_ *comparison, s *lab.Store, f *lab.Files, name string) job {
	return job{kind: upFile, local: f.Dir + f.One(), bucket: s.Bucket, key: s.Prefix + name + "/" + f.One()}
}

func treeDown(c *comparison, s *lab.Store, _ *lab.Files, name string) job {
	return job{kind: downTree, local: c.fresh(name), bucket: s.Bucket, key: s.Prefix + "there/"}
}

func fileDown(c *comparison, s *lab.Store, f *lab.Files, name string) job {
	return job{kind: downFile, local: c.fresh(name) + f.One(), bucket: s.Bucket, key: s.Prefix + "there/" + f.One()}
}

// fresh is the path of a directory for one run's downloads.
func (c *comparison) fresh(name string) string { return filepath.Join(c.dir, "fresh", name) + "/" }

// there uploads the files that are to be downloaded.
func there(ctx context.Context, c *comparison, s *lab.Store, f *lab.Files) error {
	j := job{kind: upTree, local: f.Dir, bucket: s.Bucket, key: s.Prefix + "there/"}
	if _, err := c.measure(ctx, c.floor, s, j); err != nil {
		return err
	}
	return s.Has(ctx, j.key, f)
}

// noop is where the keys of the no-op sync are: at the simulator it made them up.
func (c *comparison) noop(s *lab.Store) (bucket, prefix string) {
	if c.options.endpoint == "" {
		return noopKeys(0).Bucket, ""
	}
	return s.Bucket, s.Prefix + "noop/"
}

func noopThere(ctx context.Context, c *comparison, s *lab.Store, f *lab.Files) error {
	bucket, prefix := c.noop(s)
	if bucket != s.Bucket {
		return nil
	}
	_, err := c.measure(ctx, c.s3haul, s, job{kind: upTree, local: f.Dir, bucket: bucket, key: prefix})
	return err
}

func uploaded(ctx context.Context, _ *comparison, s *lab.Store, f *lab.Files, done outcome) error {
	prefix := done.job.key
	if done.job.kind == upFile {
		prefix = strings.TrimSuffix(prefix, f.One())
	}
	if s.Simulated && done.stats.BytesIn < f.Bytes {
		return fmt.Errorf("%d bytes of %d were sent", done.stats.BytesIn, f.Bytes)
	}
	if err := s.Has(ctx, prefix, f); err != nil {
		return err
	}
	name := f.One()
	if err := s.Holds(ctx, prefix+name, f.Sums[name]); err != nil {
		return err
	}
	return s.Clear(ctx, prefix)
}

func downloaded(_ context.Context, _ *comparison, s *lab.Store, f *lab.Files, done outcome) error {
	dir := done.job.local
	if done.job.kind == downFile {
		dir = strings.TrimSuffix(dir, f.One())
	}
	if s.Simulated && done.stats.BytesOut < f.Bytes {
		return fmt.Errorf("%d bytes of %d were asked for", done.stats.BytesOut, f.Bytes)
	}
	return f.Same(dir)
}

func unchanged(_ context.Context, _ *comparison, s *lab.Store, f *lab.Files, done outcome) error {
	if !s.Simulated {
		return nil
	}
	for _, op := range []string{
		"PutObject", "CopyObject", "CreateMultipartUpload", "UploadPart", "DeleteObject", "DeleteObjects", "GetObject",
	} {
		if n := done.stats.Ops[op]; n > 0 {
			return fmt.Errorf("%d requests %s, where nothing was to be done", n, op)
		}
	}
	if pages := done.stats.Ops["ListObjectsV2"] + done.stats.Ops["ListObjects"]; pages < int64(len(f.Sums)/1000) {
		return fmt.Errorf("%d pages were listed of %d objects", pages, len(f.Sums))
	}
	return nil
}

func said(_ context.Context, _ *comparison, _ *lab.Store, _ *lab.Files, done outcome) error {
	text, err := os.ReadFile(done.stdout)
	if err == nil && len(text) == 0 {
		err = errors.New("it said nothing")
	}
	return err
}
