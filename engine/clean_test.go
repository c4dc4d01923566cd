package engine_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/journal"
	"github.com/s3haul/s3haul/engine/report"
)

// only is what there is of interrupted runs: one journal.
func (s *interruptible) only(t *testing.T) journal.Info {
	t.Helper()
	infos, err := engine.Interrupted(t.Context(), s.state)
	must(t, err)
	if len(infos) != 1 {
		t.Fatalf("%+v", infos)
	}
	return infos[0]
}

// What Clean is given was seen some time ago: the job may have ended since, or
// have got further.
func TestCleanOfAnOldLook(t *testing.T) {
	s, dir := newInterruptible(t), t.TempDir()
	largeFile(t, filepath.Join(dir, "large"), nineParts)
	src, dst := engine.Dir(dir), engine.Bucket("sim", "p/")
	s.cut(t, src, dst, "UploadPart", 5)
	before := s.only(t)

	r := before.Records[0]
	ids := s.uploads(t)
	j := journal.Open(journal.Options{Dir: s.state, Job: before.Job})
	r.Key = "p/later"
	_, err := j.Intend(t.Context(), r)
	must(t, err)
	must(t, j.Begun(t.Context(), r.ID, ids[0]))
	must(t, j.Close(false))
	rec := &recorder{}
	_, err = s.engine(t).Clean(t.Context(), before, engine.CleanOptions{RunOptions: engine.RunOptions{Report: rec}})
	must(t, err)
	if got := strings.Join(rec.keys(report.Done), " "); got != "p/large p/later" {
		t.Errorf("removed %q", got)
	}
	s.tidy(t, dir)

	sum, err := s.engine(t).Clean(t.Context(), before, engine.CleanOptions{})
	whole(t, sum, err)
}

// What cannot be told, or is another store's, is not forgotten.
func TestCleanLeaves(t *testing.T) {
	s, dir := newInterruptible(t), t.TempDir()
	largeFile(t, filepath.Join(dir, "large"), nineParts)
	s.cut(t, engine.Dir(dir), engine.Bucket("sim", "p/"), "UploadPart", 5)
	there := s.only(t)
	elsewhere := newEngine(t, engine.Options{
		EndpointURL: s.URL, AccessKeyID: s3sim.DefaultAccessKeyID, SecretAccessKey: s3sim.DefaultSecretAccessKey,
		StateDir: s.state, Store: "another",
	})
	stays := func(e *engine.Engine, path string, want error) {
		t.Helper()
		must(t, os.Rename(there.Path, path))
		_, err := e.Clean(t.Context(), s.only(t), engine.CleanOptions{})
		if !errors.Is(err, want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
		must(t, os.Rename(path, there.Path))
	}
	stays(s.engine(t), filepath.Join(s.state, strings.Repeat("f", 32)+".journal"), journal.ErrForeign)
	stays(elsewhere, there.Path, engine.ErrElsewhere)
	stays(elsewhere, there.Path+".damaged", engine.ErrElsewhere)

	// An upload may be open whose id is not known.
	j := journal.Open(journal.Options{Dir: s.state, Job: there.Job})
	r := there.Records[0]
	r.UploadID = ""
	_, err := j.Intend(t.Context(), r)
	must(t, errors.Join(err, j.Close(false)))
	stays(elsewhere, there.Path, engine.ErrElsewhere)
	j = journal.Open(journal.Options{Dir: s.state, Job: there.Job})
	must(t, errors.Join(j.Begun(t.Context(), r.ID, there.Records[0].UploadID), j.Close(false)))

	sum, err := s.engine(t).Clean(t.Context(), there, engine.CleanOptions{})
	whole(t, sum, err)
	s.tidy(t, dir)
}

// A bucket that is gone has no uploads.
func TestCleanOfABucketThatIsGone(t *testing.T) {
	s, dir := newInterruptible(t), t.TempDir()
	largeFile(t, filepath.Join(dir, "large"), nineParts)
	s.cut(t, engine.Dir(dir), engine.Bucket("sim", "p/"), "UploadPart", 5)
	there := s.only(t)
	j := journal.Open(journal.Options{Dir: s.state, Job: there.Job})
	for _, key := range []string{"known", "unknown"} {
		r := there.Records[0]
		r.Bucket, r.Key, r.UploadID = "gone", key, ""
		_, err := j.Intend(t.Context(), r)
		must(t, err)
		if key == "known" {
			must(t, j.Begun(t.Context(), r.ID, "x"))
		}
	}
	must(t, j.Close(false))
	sum, err := s.engine(t).Clean(t.Context(), there, engine.CleanOptions{})
	whole(t, sum, err)
	s.tidy(t, dir)
}
