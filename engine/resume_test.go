package engine_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/journal"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/walker"
	"github.com/s3haul/s3haul/walker/local"
)

// interruptible is a simulator that counts what it is sent, with a hook.
type interruptible struct {
	*httptest.Server
	sim   *s3sim.Server
	state string
	// on is called before each request; true means that it has answered.
	on atomic.Pointer[func(op string, w http.ResponseWriter, r *http.Request) bool]
}

func newInterruptible(t *testing.T) *interruptible {
	t.Helper()
	sim, err := s3sim.New(s3sim.Options{KeepBodies: 256 << 20})
	must(t, err)
	s := &interruptible{sim: sim, state: t.TempDir()}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if on := s.on.Load(); on != nil && (*on)(whatOf(r), w, r) {
			return
		}
		sim.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	must(t, sim.AddBucket("sim", ""))
	return s
}

// whatOf is operation, with those of uploads.
func whatOf(r *http.Request) string {
	q := r.URL.Query()
	switch {
	case r.Method == http.MethodPost && q.Has("uploads"):
		return "CreateMultipartUpload"
	case r.Method == http.MethodPost && q.Has("uploadId"):
		return "CompleteMultipartUpload"
	case r.Header.Get("X-Amz-Copy-Source") != "" && q.Has("partNumber"):
		return "UploadPartCopy"
	}
	return operation(r)
}

func (s *interruptible) hook(on func(op string, w http.ResponseWriter, r *http.Request) bool) {
	s.on.Store(&on)
}

func (s *interruptible) engine(t *testing.T) *engine.Engine {
	t.Helper()
	return newEngine(t, engine.Options{
		EndpointURL: s.URL, AccessKeyID: s3sim.DefaultAccessKeyID, SecretAccessKey: s3sim.DefaultSecretAccessKey,
		StateDir: s.state, PartSize: 5 * mib, MaxInFlight: 4,
	})
}

// sync runs a Sync that has to end well, and returns what it had to say.
func (s *interruptible) sync(t *testing.T, src, dst engine.Location) (engine.Summary, *recorder) {
	t.Helper()
	s.on.Store(nil)
	s.sim.ResetStats()
	rec := &recorder{}
	sum, err := s.engine(t).Sync(t.Context(), src, dst, engine.SyncOptions{RunOptions: engine.RunOptions{Report: rec}})
	whole(t, sum, err)
	return sum, rec
}

// cut runs a Sync that is interrupted when the n-th request of an operation comes,
// which is carried out.
func (s *interruptible) cut(t *testing.T, src, dst engine.Location, op string, n int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var seen atomic.Int64
	s.hook(func(what string, _ http.ResponseWriter, _ *http.Request) bool {
		if what == op && seen.Add(1) == n {
			cancel()
		}
		return false
	})
	_, err := s.engine(t).Sync(ctx, src, dst, engine.SyncOptions{})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("the run was to be interrupted, and ended with %v", err)
	}
}

// uploads are the ids of the open uploads.
func (s *interruptible) uploads(t *testing.T) (ids []string) {
	t.Helper()
	s.on.Store(nil)
	for u, err := range s.engine(t).Uploads(t.Context(), engine.Bucket("sim", "")) {
		must(t, err)
		ids = append(ids, u.UploadID)
	}
	return ids
}

// tidy fails where anything of an interrupted run is left.
func (s *interruptible) tidy(t *testing.T, dirs ...string) {
	t.Helper()
	if ids := s.uploads(t); len(ids) > 0 {
		t.Errorf("%d uploads are open", len(ids))
	}
	for _, dir := range append(dirs, s.state) {
		must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() && (local.IsTemp(d.Name()) || dir == s.state) {
				t.Errorf("%s is left", path)
			}
			return err
		}))
	}
}

const nineParts = 40*mib + 5

// notices are what a run had to say.
func notices(rec *recorder) string {
	var all []string
	for _, e := range rec.all {
		if e.Kind == report.Notice {
			all = append(all, e.Err.Error())
		}
	}
	return strings.Join(all, "\n")
}

// An upload that is interrupted goes on where it was, in another process too:
// nothing but the journal and the store is needed.
func TestResumeUpload(t *testing.T) {
	s, dir := newInterruptible(t), t.TempDir()
	name := largeFile(t, filepath.Join(dir, "large"), nineParts)
	src, dst := engine.Dir(dir), engine.Bucket("sim", "p/")
	s.cut(t, src, dst, "UploadPart", 5)
	ids := s.uploads(t)
	if len(ids) != 1 {
		t.Fatalf("%d uploads are open after the interruption", len(ids))
	}
	sum, rec := s.sync(t, src, dst)
	sent := s.sim.Stats().BytesIn
	// The store may have got more: what is slow is raced.
	if sum.Resumed < 4*5*mib || sum.Resumed+sum.Moved != nineParts || sent >= nineParts {
		t.Errorf("%d bytes were sent, %d were there", sent, sum.Resumed)
	}
	if told := notices(rec); told != "" {
		t.Error(told)
	}
	back := t.TempDir()
	s.sync(t, dst, engine.Dir(back))
	sameFile(t, filepath.Join(back, "large"), name)
	s.tidy(t, dir, back)
}

// So does a download.
func TestResumeDownload(t *testing.T) {
	s, dir, to := newInterruptible(t), t.TempDir(), t.TempDir()
	name := largeFile(t, filepath.Join(dir, "large"), nineParts)
	s.sync(t, engine.Dir(dir), engine.Bucket("sim", "p/"))
	src, dst := engine.Bucket("sim", "p/"), engine.Dir(to)
	s.cut(t, src, dst, "GetObject", 7)
	if left, err := filepath.Glob(filepath.Join(to, local.TempPattern)); err != nil || len(left) != 1 {
		t.Fatalf("temporary files after the interruption: %q, %v", left, err)
	}
	sum, rec := s.sync(t, src, dst)
	sent := s.sim.Stats().BytesOut
	if sum.Resumed < 2*5*mib || sum.Resumed+sum.Moved != nineParts || sent >= nineParts {
		t.Errorf("%d bytes came, %d were there", sent, sum.Resumed)
	}
	if told := notices(rec); told != "" {
		t.Error(told)
	}
	sameFile(t, filepath.Join(to, "large"), name)
	s.tidy(t, dir, to)
}

// A file that has changed since, in its size or only in its content, arrives as
// it is now.
func TestResumeOfWhatChanged(t *testing.T) {
	for _, c := range []struct {
		what   string
		change func(name string) error
		told   string
	}{
		{"longer", func(name string) error { return os.Truncate(name, nineParts+1) }, "begun anew"},
		{"later", func(name string) error { return os.Chtimes(name, time.Now(), time.Now()) }, "begun anew"},
		{"another byte in the first part", func(name string) error {
			f, err := os.OpenFile(name, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte("x"), 7)
			return errors.Join(err, f.Close(), os.Chtimes(name, past(), past()))
		}, ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			s, dir := newInterruptible(t), t.TempDir()
			name := largeFile(t, filepath.Join(dir, "large"), nineParts)
			when, err := os.Stat(name)
			must(t, err)
			src, dst := engine.Dir(dir), engine.Bucket("sim", "p/")
			s.cut(t, src, dst, "UploadPart", 5)
			must(t, c.change(name))
			if c.told == "" {
				must(t, os.Chtimes(name, when.ModTime(), when.ModTime()))
			}
			sum, rec := s.sync(t, src, dst)
			if told := notices(rec); !strings.Contains(told, c.told) || c.told == "" && told != "" {
				t.Errorf("it was said: %q", told)
			}
			if (c.told == "") != (sum.Resumed > 0) {
				t.Errorf("%d bytes were taken for those of the file", sum.Resumed)
			}
			back := t.TempDir()
			s.sync(t, dst, engine.Dir(back))
			sameFile(t, filepath.Join(back, "large"), name)
			s.tidy(t, dir, back)
		})
	}
}

// An object that was replaced since is fetched anew, and so is what a temporary
// file has that is not what was written down.
func TestResumeDownloadOfWhatChanged(t *testing.T) {
	for _, foreign := range []bool{false, true} {
		s, dir, to := newInterruptible(t), t.TempDir(), t.TempDir()
		name := largeFile(t, filepath.Join(dir, "large"), nineParts)
		src, dst := engine.Bucket("sim", "p/"), engine.Dir(to)
		s.sync(t, engine.Dir(dir), src)
		s.cut(t, src, dst, "GetObject", 7)
		left, err := filepath.Glob(filepath.Join(to, local.TempPattern))
		must(t, err)
		if foreign {
			f, err := os.OpenFile(left[0], os.O_WRONLY, 0)
			must(t, err)
			for at := int64(100); at < nineParts; at += 5 * mib {
				_, err := f.WriteAt([]byte("not what came"), at)
				must(t, err)
			}
			_, err = f.WriteAt([]byte("other"), nineParts-5) // of the last range, which has no more
			must(t, errors.Join(err, f.Close()))
		} else {
			f, err := os.OpenFile(name, os.O_WRONLY, 0)
			must(t, err)
			_, err = f.WriteAt([]byte("x"), 7)
			must(t, errors.Join(err, f.Close(), os.Chtimes(name, time.Time{}, time.Now().Add(time.Minute))))
			s.sync(t, engine.Dir(dir), src)
		}
		sum, rec := s.sync(t, src, dst)
		if told := notices(rec); strings.Contains(told, "fetched anew") == foreign {
			t.Errorf("foreign content %v: it was said: %q", foreign, told)
		}
		if sum.Resumed != 0 {
			t.Errorf("foreign content %v: %d bytes were taken for those of the object", foreign, sum.Resumed)
		}
		sameFile(t, filepath.Join(to, "large"), name)
		s.tidy(t, dir, to)
	}
}

// Uploads that were begun by runs that did not live to learn their ids are found
// again. Where there are more than these runs can have begun, all are left.
func TestAdoption(t *testing.T) {
	for _, c := range []struct{ lost, strangers int }{{1, 0}, {2, 0}, {1, 1}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			s, dir := newInterruptible(t), t.TempDir()
			largeFile(t, filepath.Join(dir, "large"), nineParts)
			src, dst := engine.Dir(dir), engine.Bucket("sim", "p/")
			for range c.lost {
				s.loseCreate(t, src, dst)
			}
			for range c.strangers {
				r := httptest.NewRequest(http.MethodPost, "/sim/p/large?uploads=", nil)
				s.sim.ServeHTTP(httptest.NewRecorder(), r)
			}
			before := s.uploads(t)
			if len(before) != c.lost+c.strangers {
				t.Fatalf("%d uploads are open", len(before))
			}
			_, rec := s.sync(t, src, dst)
			after, told := s.uploads(t), notices(rec)
			if c.strangers == 0 {
				if told != "" || len(after) != 0 {
					t.Errorf("%d uploads are open; it was said: %q", len(after), told)
				}
				return
			}
			if !strings.Contains(told, "which is not known") || !slices.Equal(after, before) {
				t.Errorf("open are %v, were %v; it was said: %q", after, before, told)
			}
		})
	}
}

// loseCreate has a Sync interrupted when it has begun an upload, and before it has
// heard of that.
func (s *interruptible) loseCreate(t *testing.T, src, dst engine.Location) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.hook(func(op string, _ http.ResponseWriter, r *http.Request) bool {
		if op != "CreateMultipartUpload" {
			return false
		}
		s.sim.ServeHTTP(httptest.NewRecorder(), r)
		cancel()
		<-r.Context().Done() // the answer is lost
		return breakOff()
	})
	if _, err := s.engine(t).Sync(ctx, src, dst, engine.SyncOptions{}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// An answer that is lost while the run goes on: what it was about is removed, and
// another's upload that has parts is not.
func TestLostCreate(t *testing.T) {
	s, dir := newInterruptible(t), t.TempDir()
	largeFile(t, filepath.Join(dir, "large"), nineParts)
	var lost atomic.Bool
	s.hook(func(op string, _ http.ResponseWriter, r *http.Request) bool {
		if op != "CreateMultipartUpload" || !lost.CompareAndSwap(false, true) {
			return false
		}
		s.sim.ServeHTTP(httptest.NewRecorder(), r)
		return breakOff()
	})
	sum, err := s.engine(t).Sync(t.Context(), engine.Dir(dir), engine.Bucket("sim", "p/"), engine.SyncOptions{})
	whole(t, sum, err)
	if !lost.Load() || sum.Retries == 0 {
		t.Error("no answer was lost")
	}
	s.tidy(t, dir)
}

// So it is where what is left is to be removed.
func TestCleanOfTheLost(t *testing.T) {
	s, dir := newInterruptible(t), t.TempDir()
	largeFile(t, filepath.Join(dir, "large"), nineParts)
	s.loseCreate(t, engine.Dir(dir), engine.Bucket("sim", "p/"))
	if n := len(s.uploads(t)); n != 1 {
		t.Fatalf("%d uploads are open", n)
	}
	infos, err := engine.Interrupted(t.Context(), s.state)
	must(t, err)
	for _, info := range infos {
		sum, err := s.engine(t).Clean(t.Context(), info, engine.CleanOptions{})
		whole(t, sum, err)
	}
	s.tidy(t, dir)
}

// What an interrupted run has left of a file that is not there any more is
// removed at the end of a complete run, and not by one that leaves it out.
func TestUnclaimed(t *testing.T) {
	s, dir := newInterruptible(t), t.TempDir()
	name := largeFile(t, filepath.Join(dir, "large"), nineParts)
	tree{"small": "x"}.write(t, dir)
	src, dst := engine.Dir(dir), engine.Bucket("sim", "p/")
	s.cut(t, src, dst, "UploadPart", 5)
	sum, err := s.engine(t).Sync(t.Context(), src, dst, engine.SyncOptions{RunOptions: engine.RunOptions{
		Filters: []walker.Rule{{Pattern: "large"}},
	}})
	whole(t, sum, err)
	if n := len(s.uploads(t)); n != 1 {
		t.Errorf("%d uploads are open after a run that left the file out", n)
	}
	must(t, os.Remove(name))
	s.sync(t, src, dst)
	s.tidy(t, dir)
}

// What an interrupted run had of an object that lies in an archive now is not removed:
// it may be restored.
func TestUnclaimedOfAnArchivedObject(t *testing.T) {
	s, dir := newInterruptible(t), t.TempDir()
	largeFile(t, filepath.Join(dir, "large"), nineParts)
	s.sync(t, engine.Dir(dir), engine.Bucket("sim", "a/"))
	src, dst := engine.Bucket("sim", "a/"), engine.Bucket("sim", "b/")
	s.cut(t, src, dst, "UploadPartCopy", 5)
	s.hook(func(op string, w http.ResponseWriter, r *http.Request) bool {
		if op != "ListObjectsV2" {
			return false
		}
		rec := httptest.NewRecorder()
		s.sim.ServeHTTP(rec, r)
		_, _ = w.Write([]byte(strings.ReplaceAll(rec.Body.String(), ">STANDARD<", ">GLACIER<")))
		return true
	})
	sum, err := s.engine(t).Sync(t.Context(), src, dst, engine.SyncOptions{})
	whole(t, sum, err)
	if n := len(s.uploads(t)); n != 1 || sum.Skipped != 1 {
		t.Errorf("%d uploads are open, %+v", n, sum)
	}
	if sum, _ = s.sync(t, src, dst); sum.Resumed == 0 {
		t.Errorf("it did not go on: %+v", sum)
	}
	s.tidy(t)
}

// While one process works on a job, another that does the same works without a
// journal, and leaves nothing behind.
func TestTwoAtOnce(t *testing.T) {
	s, dir := newInterruptible(t), t.TempDir()
	largeFile(t, filepath.Join(dir, "large"), nineParts)
	src, dst := engine.Dir(dir), engine.Bucket("sim", "p/")
	s.cut(t, src, dst, "UploadPart", 5)
	infos, err := engine.Interrupted(t.Context(), s.state)
	must(t, err)
	if len(infos) != 1 || len(infos[0].Records) != 1 || infos[0].Records[0].UploadID == "" {
		t.Fatalf("%+v", infos)
	}
	first := journal.Open(journal.Options{Dir: s.state, Job: infos[0].Job})
	defer first.Close(false)
	_, rec := s.sync(t, src, dst)
	if told := notices(rec); !strings.Contains(told, journal.ErrLocked.Error()) {
		t.Errorf("it was said: %q", told)
	}
	if n := len(s.uploads(t)); n != 1 { // that of the first
		t.Errorf("%d uploads are open", n)
	}
	_, err = s.engine(t).Clean(t.Context(), lockedInfo(t, s.state), engine.CleanOptions{})
	if !errors.Is(err, journal.ErrLocked) {
		t.Errorf("what a living process works on was removed: %v", err)
	}
	must(t, first.Close(false))
	infos, err = engine.Interrupted(t.Context(), s.state)
	must(t, err)
	for _, info := range infos {
		sum, err := s.engine(t).Clean(t.Context(), info, engine.CleanOptions{})
		whole(t, sum, err)
	}
	s.tidy(t, dir)
}

func lockedInfo(t *testing.T, state string) journal.Info {
	t.Helper()
	infos, err := engine.Interrupted(t.Context(), state)
	must(t, err)
	if len(infos) != 1 || !errors.Is(infos[0].Err, journal.ErrLocked) {
		t.Fatalf("%+v", infos)
	}
	return infos[0]
}

// The upload was completed, and the run did not live to hear of it.
func TestCompletedUnheard(t *testing.T) {
	s, dir := newInterruptible(t), t.TempDir()
	name := largeFile(t, filepath.Join(dir, "large"), nineParts)
	src, dst := engine.File(name), engine.Object("sim", "k")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.hook(func(op string, _ http.ResponseWriter, r *http.Request) bool {
		if op != "CompleteMultipartUpload" {
			return false
		}
		s.sim.ServeHTTP(httptest.NewRecorder(), r)
		cancel()
		return breakOff()
	})
	if _, err := s.engine(t).Copy(ctx, src, dst, engine.CopyOptions{}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	s.on.Store(nil)
	s.sim.ResetStats()
	sum, err := s.engine(t).Copy(t.Context(), src, dst, engine.CopyOptions{})
	whole(t, sum, err)
	if sent := s.sim.Stats().BytesIn; sent != 0 || sum.Resumed != nineParts || sum.Ops[report.Upload].Objects != 1 {
		t.Errorf("%d bytes were sent again: %+v", sent, sum)
	}
	s.tidy(t, dir)
}

// A state directory that cannot be used is told of once, and changes nothing.
func TestNoStateDirectory(t *testing.T) {
	s, dir := newInterruptible(t), t.TempDir()
	largeFile(t, filepath.Join(dir, "a"), 11*mib)
	largeFile(t, filepath.Join(dir, "b"), 11*mib)
	s.state = filepath.Join(s.state, "file")
	must(t, os.WriteFile(s.state, nil, 0o600))
	sum, rec := s.sync(t, engine.Dir(dir), engine.Bucket("sim", "p/"))
	if told := notices(rec); strings.Count(told, "cannot be resumed") != 1 || sum.Exit() != 0 {
		t.Errorf("exit %d; it was said: %q", sum.Exit(), told)
	}
	if n := len(s.uploads(t)); n != 0 {
		t.Errorf("%d uploads are open", n)
	}
}

// A clock that is hours off does not hide what an interrupted run has begun.
func TestAdoptionByAWrongClock(t *testing.T) {
	for _, off := range []time.Duration{-5 * time.Hour, 5 * time.Hour} {
		s, dir := newInterruptible(t), t.TempDir()
		largeFile(t, filepath.Join(dir, "large"), nineParts)
		src, dst := engine.Dir(dir), engine.Bucket("sim", "p/")
		late := func(w http.ResponseWriter) { // the simulator writes another time into what it lists, too
			w.Header().Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
		}
		ctx, cancel := context.WithCancel(t.Context())
		s.hook(func(op string, w http.ResponseWriter, r *http.Request) bool {
			late(w)
			if op != "CreateMultipartUpload" {
				return false
			}
			s.sim.ServeHTTP(httptest.NewRecorder(), r)
			cancel()
			<-r.Context().Done()
			return breakOff()
		})
		_, err := s.engine(t).Sync(ctx, src, dst, engine.SyncOptions{})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		infos, err := engine.Interrupted(t.Context(), s.state)
		must(t, err)
		if len(infos) != 1 || len(infos[0].Records) != 1 {
			t.Fatalf("%+v", infos)
		}
		if d := time.Until(infos[0].Records[0].Intended) - off; d < -time.Minute || d > time.Minute {
			t.Errorf("the store's clock is %v off, the record is of %v", off, infos[0].Records[0].Intended)
		}
	}
}

// What the journal has is no secret.
func TestJournalHasNoSecret(t *testing.T) {
	s, dir := newInterruptible(t), t.TempDir()
	largeFile(t, filepath.Join(dir, "large"), nineParts)
	s.cut(t, engine.Dir(dir), engine.Bucket("sim", "p/"), "UploadPart", 5)
	files, err := filepath.Glob(filepath.Join(s.state, "*"))
	must(t, err)
	if len(files) == 0 {
		t.Fatal("there is no journal")
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		must(t, err)
		for _, secret := range []string{s3sim.DefaultSecretAccessKey, url.QueryEscape(s3sim.DefaultSecretAccessKey), s3sim.DefaultAccessKeyID} {
			if strings.Contains(string(b), secret) {
				t.Errorf("%s has %q in it", name, secret)
			}
		}
		if fi, err := os.Stat(name); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, fi.Mode(), err)
		}
	}
}

// Temporary files of a run that was killed are removed at the end of one that is
// complete, and of those files alone which a run has made.
func TestTemporariesOfTheKilled(t *testing.T) {
	s, dir, to := newInterruptible(t), t.TempDir(), t.TempDir()
	largeFile(t, filepath.Join(dir, "large"), nineParts)
	tree{"sub/small": "x"}.write(t, dir)
	src, dst := engine.Bucket("sim", "p/"), engine.Dir(to)
	s.sync(t, engine.Dir(dir), src)
	s.cut(t, src, dst, "GetObject", 7)
	infos, err := engine.Interrupted(t.Context(), s.state)
	must(t, err)
	if len(infos) != 1 {
		t.Fatalf("%+v", infos)
	}
	sub, elsewhere := filepath.Join(to, "sub"), t.TempDir()
	must(t, os.MkdirAll(sub, 0o755))
	j := journal.Open(journal.Options{Dir: s.state, Job: infos[0].Job})
	_, err = j.Temporary(t.Context(), sub)
	must(t, errors.Join(err, j.Close(false)))
	tree{local.TempName(1): "left", "mine.part": "stays"}.write(t, sub)
	tree{local.TempName(2): "stays"}.write(t, elsewhere)
	s.sync(t, src, dst)
	s.tidy(t, dir, to)
	for _, name := range []string{filepath.Join(sub, "mine.part"), filepath.Join(elsewhere, local.TempName(2))} {
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
	}
}
