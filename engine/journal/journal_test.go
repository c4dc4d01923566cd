package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// holdEnv makes the test binary a process that has a journal, see kill_test.go.
const holdEnv = "S3HAUL_TEST_HOLD_JOURNAL"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holdEnv); dir != "" {
		if err := hold(dir, bufio.NewReader(os.Stdin), os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func job() Job {
	return Job{Endpoint: "https://s3.example", Account: "a1b2", Op: "upload", Src: "/data/photos", Dst: "s3://holiday/2026/"}
}

// record is a record with something in each field.
func record(key string) Record {
	return Record{
		ID:     ID{Kind: Upload, Bucket: "holiday", Key: key},
		Source: "/data/photos/" + key, Target: "s3://holiday/" + key, Size: 5 << 30,
		ModTime: time.Unix(1_700_000_000, 123_456_789).UTC(), ChangeTime: time.Unix(1_700_000_001, 1).UTC(),
		Inode: 1<<64 - 1, ETag: `"abc-2"`, PartSize: 8 << 20, Algorithm: "CRC64NVME",
		Intended: time.Unix(1_800_000_000, 987_654_321).UTC(), Temp: "/data/.x", Attributes: "0a1b",
	}
}

// troubles collects what Trouble is told.
type troubles struct {
	mu   sync.Mutex
	errs []error
}

func (tr *troubles) tell(err error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.errs = append(tr.errs, err)
}

// want checks that there was one trouble, that wraps target; none for nil.
func (tr *troubles) want(t *testing.T, target error) {
	t.Helper()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	switch {
	case target == nil && len(tr.errs) == 0:
	case target != nil && len(tr.errs) == 1 && errors.Is(tr.errs[0], target):
	default:
		t.Fatalf("told %q, want one of %v", tr.errs, target)
	}
}

// open opens a journal that the test closes, at its end at the latest.
func open(t *testing.T, dir string) (*Journal, *troubles) {
	t.Helper()
	tr := &troubles{}
	j := Open(Options{Dir: dir, Job: job(), Trouble: tr.tell})
	t.Cleanup(func() { j.Close(false) })
	return j, tr
}

func mustIntend(t *testing.T, j *Journal, rs ...Record) {
	t.Helper()
	for _, r := range rs {
		if ok, err := j.Intend(t.Context(), r); !ok || err != nil {
			t.Fatalf("Intend(%q) = %v, %v", r.Key, ok, err)
		}
	}
}

func mustTemporary(t *testing.T, j *Journal, dir string) {
	t.Helper()
	if ok, err := j.Temporary(t.Context(), dir); !ok || err != nil {
		t.Fatalf("Temporary(%q) = %v, %v", dir, ok, err)
	}
}

// killed returns a copy of a directory of journals, as it is: that of a process
// that has not closed them.
func killed(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(filepath.Join(to, "j"), os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(to, "j")
}

func fileOf(dir string) string { return filepath.Join(dir, job().name()+suffix) }

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestWhatIsWrittenIsThereAfterAKill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "s3haul")
	j, tr := open(t, dir)
	a, b, c := record("a"), record("b"), record("c")
	mustIntend(t, j, a, b, c)
	if err := j.Begun(t.Context(), b.ID, "upload-b"); err != nil {
		t.Fatal(err)
	}
	mustTemporary(t, j, "/data/in")
	mustTemporary(t, j, "/data/in")
	mustTemporary(t, j, "/data/out")

	j2, tr2 := open(t, killed(t, dir))
	if got := j2.Directories(); !slices.Equal(got, []string{"/data/in", "/data/out"}) {
		t.Fatalf("directories %q", got)
	}
	b.UploadID = "upload-b"
	if got := j2.Unclaimed(); !reflect.DeepEqual(got, []Record{a, b, c}) {
		t.Fatalf("unclaimed %+v", got)
	}
	if got, ok := j2.Find(b.ID); !ok || got != b {
		t.Fatalf("found %+v, %v", got, ok)
	}
	if _, ok := j2.Find(b.ID); ok {
		t.Fatal("found a second time")
	}
	if _, ok := j2.Find(ID{Kind: Copy, Bucket: "holiday", Key: "a"}); ok {
		t.Fatal("found under another kind")
	}
	j2.Forget(c.ID)
	if got := j2.Unclaimed(); !reflect.DeepEqual(got, []Record{a}) {
		t.Fatalf("unclaimed %+v", got)
	}
	mustIntend(t, j2, a) // begun anew
	if got := j2.Unclaimed(); len(got) != 0 {
		t.Fatalf("unclaimed %+v", got)
	}
	tr.want(t, nil)
	tr2.want(t, nil)
}

func TestARunOfSmallFilesLeavesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	j, tr := open(t, dir)
	if _, ok := j.Find(record("a").ID); ok {
		t.Error("found in no file")
	}
	j.Forget(record("a").ID)
	if err := j.Begun(t.Context(), record("a").ID, "x"); err != nil {
		t.Error(err)
	}
	if err := j.Close(true); err != nil {
		t.Error(err)
	}
	if exists(dir) {
		t.Error("the directory was made")
	}
	tr.want(t, nil)
}

func TestClose(t *testing.T) {
	for _, c := range []struct {
		name                 string
		record, dir, forget  bool
		complete             bool
		wantFile, wantDirs   bool
		wantRecords, wantOld int
	}{
		{name: "all done", record: true, dir: true, forget: true, complete: true},
		{name: "all done, cut short", record: true, forget: true},
		{name: "a record is left", record: true, dir: true, complete: true, wantFile: true, wantRecords: 1},
		{name: "a directory is left", dir: true, wantFile: true, wantDirs: true, wantOld: 1},
		{name: "both are left", record: true, dir: true, wantFile: true, wantDirs: true, wantRecords: 1, wantOld: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			j, tr := open(t, dir)
			if c.record {
				mustIntend(t, j, record("a"))
			}
			if c.dir {
				mustTemporary(t, j, "/d")
			}
			if c.forget {
				j.Forget(record("a").ID)
			}
			for range 2 {
				if err := j.Close(c.complete); err != nil {
					t.Fatal(err)
				}
			}
			if got := exists(fileOf(dir)); got != c.wantFile {
				t.Errorf("there is a file: %v", got)
			}
			if got := exists(directoriesOf(fileOf(dir))); got != c.wantDirs {
				t.Errorf("there is a file of directories: %v", got)
			}
			if ok, err := j.Intend(t.Context(), record("b")); ok || err != nil {
				t.Errorf("after Close: %v, %v", ok, err)
			}
			if ok, err := j.Temporary(t.Context(), "/e"); ok || err != nil {
				t.Errorf("after Close: %v, %v", ok, err)
			}
			j2, tr2 := open(t, dir)
			if got := j2.Unclaimed(); len(got) != c.wantRecords {
				t.Errorf("records %+v", got)
			}
			if got := j2.Directories(); len(got) != c.wantOld {
				t.Errorf("directories %q", got)
			}
			tr.want(t, nil)
			tr2.want(t, nil)
		})
	}
}

// What an interrupted run has left is kept until it is forgotten, whatever
// becomes of the run that reads it.
func TestOldRecordsStay(t *testing.T) {
	dir := t.TempDir()
	j, _ := open(t, dir)
	mustIntend(t, j, record("a"), record("b"))
	mustTemporary(t, j, "/d")
	j.Close(false)
	j, _ = open(t, dir)
	j.Find(record("a").ID)
	if err := j.Begun(t.Context(), record("a").ID, "late"); err != nil {
		t.Fatal(err)
	}
	j.Close(false)
	j, tr := open(t, dir)
	if got := j.Unclaimed(); len(got) != 2 || got[0].UploadID != "late" || got[1] != record("b") {
		t.Fatalf("unclaimed %+v", got)
	}
	mustTemporary(t, j, "/d")
	j.Forget(record("a").ID)
	j.Forget(record("b").ID)
	if err := j.Close(true); err != nil {
		t.Fatal(err)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 0 {
		t.Fatalf("left: %v, %v", names, err)
	}
	tr.want(t, nil)
}

func TestModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	dir := filepath.Join(t.TempDir(), "state")
	j, _ := open(t, dir)
	mustIntend(t, j, record("a"))
	mustTemporary(t, j, "/d")
	for path, want := range map[string]os.FileMode{
		dir: 0o700 | os.ModeDir, fileOf(dir): 0o600, directoriesOf(fileOf(dir)): 0o600,
	} {
		if st, err := os.Stat(path); err != nil || st.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", path, st.Mode(), err, want)
		}
	}
}

func TestNamesThatAreNotText(t *testing.T) {
	dir := t.TempDir()
	j, tr := open(t, dir)
	names := []string{
		"\xff\xfe", "a\x00b", `"quoted"`, `"`, "\\", "\u2028<&>", "\ufffd", "\xc3", "new\nline", "ü", "\"\xff", "\x7f",
	}
	var want []Record
	for _, n := range names {
		r := record(n)
		r.Source, r.Target, r.Temp, r.ETag, r.UploadID, r.Algorithm = n+"s", n+"t", n+"p", n+"e", n+"u", n+"a"
		want = append(want, r)
		mustTemporary(t, j, "/"+n)
	}
	mustIntend(t, j, want...)
	j2, tr2 := open(t, killed(t, dir))
	for _, r := range want {
		if got, ok := j2.Find(r.ID); !ok || got != r {
			t.Errorf("%q: %+v, %v", r.Key, got, ok)
		}
	}
	for i, d := range j2.Directories() {
		if d != "/"+names[i] {
			t.Errorf("directory %q, want %q", d, "/"+names[i])
		}
	}
	if n := len(j2.Directories()); n != len(names) {
		t.Errorf("%d directories", n)
	}
	tr.want(t, nil)
	tr2.want(t, nil)
}

// A key that bbolt cannot take has no record, and harms no other.
func TestAKeyThatIsTooLong(t *testing.T) {
	j, tr := open(t, t.TempDir())
	if ok, err := j.Intend(t.Context(), record(string(make([]byte, 40_000)))); ok || err != nil {
		t.Fatalf("Intend = %v, %v", ok, err)
	}
	mustIntend(t, j, record("a"))
	tr.want(t, nil)
}

func TestTheContextEndsAWait(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	held, release := make(chan struct{}), make(chan struct{})
	dir := t.TempDir()
	j := Open(Options{Dir: dir, Job: job(), hooks: hooks{commit: func() error {
		close(held)
		<-release
		return nil
	}}})
	go func() {
		<-held
		cancel()
	}()
	if ok, err := j.Intend(ctx, record("a")); ok || !errors.Is(err, context.Canceled) {
		t.Errorf("Intend = %v, %v", ok, err)
	}
	if ok, err := j.Intend(ctx, record("b")); ok || !errors.Is(err, context.Canceled) {
		t.Errorf("Intend = %v, %v", ok, err)
	}
	if ok, err := j.Temporary(ctx, "/d"); ok || !errors.Is(err, context.Canceled) {
		t.Errorf("Temporary = %v, %v", ok, err)
	}
	if err := j.Begun(ctx, record("a").ID, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("Begun = %v", err)
	}
	close(release)
	if err := j.Close(false); err != nil {
		t.Error(err)
	}
	j2, _ := open(t, dir)
	if got := j2.Unclaimed(); len(got) != 1 || got[0] != record("a") {
		t.Errorf("unclaimed %+v", got)
	}
}

// Those who come while a commit is under way share the next one.
func TestGroupCommit(t *testing.T) {
	const n = 50
	commits := 0
	held, release := make(chan struct{}), make(chan struct{})
	dir := t.TempDir()
	j := Open(Options{Dir: dir, Job: job(), hooks: hooks{commit: func() error {
		if commits++; commits == 1 {
			close(held)
			<-release
		}
		return nil
	}}})
	var wg sync.WaitGroup
	intend := func(i int) {
		wg.Go(func() {
			if ok, err := j.Intend(t.Context(), record(fmt.Sprint(i))); !ok || err != nil {
				t.Errorf("Intend = %v, %v", ok, err)
			}
		})
	}
	intend(0)
	<-held
	for i := range n {
		intend(i + 1)
	}
	for queued := 0; queued < n; runtime.Gosched() {
		j.mu.Lock()
		if j.next != nil {
			queued = len(j.next.changes)
		}
		j.mu.Unlock()
	}
	close(release)
	wg.Wait()
	if err := j.Close(false); err != nil {
		t.Fatal(err)
	}
	if commits != 2 {
		t.Errorf("%d commits", commits)
	}
	j2, _ := open(t, dir)
	if got := len(j2.Unclaimed()); got != n+1 {
		t.Errorf("%d records", got)
	}
}

// Forget needs nobody to wait for it, nor another change.
func TestForgetIsWrittenBeforeClose(t *testing.T) {
	committed := make(chan struct{}, 8)
	dir := t.TempDir()
	j := Open(Options{Dir: dir, Job: job(), hooks: hooks{committed: func() { committed <- struct{}{} }}})
	defer j.Close(false)
	mustIntend(t, j, record("a"))
	<-committed
	j.Forget(record("a").ID)
	<-committed
	j2, _ := open(t, killed(t, dir))
	if got := j2.Unclaimed(); len(got) != 0 {
		t.Errorf("unclaimed %+v", got)
	}
}

func TestConcurrently(t *testing.T) {
	dir := t.TempDir()
	j, tr := open(t, dir)
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := range 20 {
				r := record(fmt.Sprintf("%02d/%02d", g, i))
				if ok, err := j.Temporary(t.Context(), fmt.Sprintf("/d/%d", i)); !ok || err != nil {
					t.Errorf("Temporary = %v, %v", ok, err)
				}
				if ok, err := j.Intend(t.Context(), r); !ok || err != nil {
					t.Errorf("Intend = %v, %v", ok, err)
				}
				if err := j.Begun(t.Context(), r.ID, r.Key); err != nil {
					t.Error(err)
				}
				j.Find(r.ID)
				j.Unclaimed()
				j.Directories()
				if i%2 == 0 {
					j.Forget(r.ID)
				}
			}
		})
	}
	wg.Wait()
	if err := j.Close(false); err != nil {
		t.Fatal(err)
	}
	tr.want(t, nil)
	j2, tr2 := open(t, dir)
	got := j2.Unclaimed()
	for _, r := range got {
		if r.UploadID != r.Key {
			t.Errorf("%s has upload id %q", r.Key, r.UploadID)
		}
	}
	if len(got) != 160 || len(j2.Directories()) != 20 {
		t.Errorf("%d records, %d directories", len(got), len(j2.Directories()))
	}
	tr2.want(t, nil)
}
