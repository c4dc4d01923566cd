package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// checkOff checks that a journal does nothing, and harms nobody.
func checkOff(t *testing.T, j *Journal) {
	t.Helper()
	if ok, err := j.Intend(t.Context(), record("x")); ok || err != nil {
		t.Errorf("Intend = %v, %v", ok, err)
	}
	if ok, err := j.Temporary(t.Context(), "/x"); ok || err != nil {
		t.Errorf("Temporary = %v, %v", ok, err)
	}
	if err := j.Begun(t.Context(), record("x").ID, "x"); err != nil {
		t.Errorf("Begun = %v", err)
	}
	j.Forget(record("x").ID)
	if err := j.Close(true); err != nil {
		t.Errorf("Close = %v", err)
	}
}

// grown returns the directory of a closed journal of n records, and them.
func grown(t testing.TB, n int) (string, map[ID]Record) {
	t.Helper()
	dir := t.TempDir()
	j := Open(Options{Dir: dir, Job: job()})
	all := map[ID]Record{}
	for i := range n {
		r := record(fmt.Sprintf("%04d", i))
		all[r.ID] = r
		if ok, err := j.Intend(t.Context(), r); !ok || err != nil {
			t.Fatalf("Intend = %v, %v", ok, err)
		}
	}
	if err := j.Close(false); err != nil {
		t.Fatal(err)
	}
	return dir, all
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestADirectoryThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, nil)
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		j, tr := open(t, dir)
		tr.want(t, nil) // nothing is needed yet
		if ok, err := j.Intend(t.Context(), record("a")); ok || err != nil {
			t.Errorf("Intend = %v, %v", ok, err)
		}
		checkOff(t, j)
		if len(tr.errs) != 1 || !strings.Contains(tr.errs[0].Error(), file) {
			t.Errorf("told %q", tr.errs)
		}
	}
}

func TestADirectoryThatCannotBeWritten(t *testing.T) {
	if os.Geteuid() <= 0 || runtime.GOOS == "windows" {
		t.Skip("root writes everywhere, and Windows has no such modes")
	}
	dir, _ := grown(t, 3)
	os.Chmod(fileOf(dir), 0o400)
	j, tr := open(t, dir)
	checkOff(t, j)
	tr.want(t, fs.ErrPermission)

	dir = t.TempDir()
	os.Chmod(dir, 0o500)
	j, tr = open(t, dir)
	if ok, err := j.Intend(t.Context(), record("a")); ok || err != nil {
		t.Errorf("Intend = %v, %v", ok, err)
	}
	tr.want(t, fs.ErrPermission)
}

// Something that is no file has the name.
func TestANameThatIsTaken(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(fileOf(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	j, tr := open(t, dir)
	checkOff(t, j)
	if len(tr.errs) != 1 || !strings.Contains(tr.errs[0].Error(), fileOf(dir)) {
		t.Errorf("told %q", tr.errs)
	}
}

func TestTwiceInOneProcess(t *testing.T) {
	dir, _ := grown(t, 1)
	first, tr1 := open(t, dir)
	second, tr2 := open(t, dir)
	checkOff(t, second)
	mustIntend(t, first, record("a"))
	tr1.want(t, nil)
	tr2.want(t, ErrLocked)

	// Neither has a file yet: the one that writes first has it.
	dir = t.TempDir()
	first, tr1 = open(t, dir)
	second, tr2 = open(t, dir)
	mustIntend(t, first, record("a"))
	if ok, err := second.Intend(t.Context(), record("b")); ok || err != nil {
		t.Errorf("Intend = %v, %v", ok, err)
	}
	tr1.want(t, nil)
	tr2.want(t, ErrLocked)
}

// Another process has come and gone between Open and the first record: what it
// has left is not written over, whether it is of the same object or not.
func TestAFileThatComesLater(t *testing.T) {
	for _, c := range []struct {
		theirs, mine string
		err          error
	}{{"a", "a", ErrMeanwhile}, {"a", "b", ErrMeanwhile}, {"", "a", ErrMeanwhile}, {"a", "", nil}} {
		dir := t.TempDir()
		j, tr := open(t, dir)
		other := Open(Options{Dir: dir, Job: job()})
		if c.theirs != "" {
			mustIntend(t, other, record(c.theirs))
		}
		mustTemporary(t, other, "/other")
		other.Close(false)
		var ok bool
		var err error
		if mine := record(c.mine); c.mine == "" {
			ok, err = j.Temporary(t.Context(), "/mine")
		} else {
			mine.Inode = 7
			ok, err = j.Intend(t.Context(), mine)
		}
		if ok != (c.err == nil) || err != nil {
			t.Errorf("%+v: %v, %v", c, ok, err)
		}
		tr.want(t, c.err)
		j.Close(true)
		j, tr = open(t, dir)
		if got := j.Unclaimed(); len(got) != len(c.theirs) || len(got) == 1 && got[0] != record(c.theirs) {
			t.Errorf("%+v: unclaimed %+v", c, got)
		}
		tr.want(t, nil)
	}
}

// Directories without a journal were there before it: they are in nobody's way.
func TestDirectoriesThatWereThereBefore(t *testing.T) {
	dir := t.TempDir()
	j, _ := open(t, dir)
	mustTemporary(t, j, "/d")
	j.Close(false)
	if err := os.Remove(fileOf(dir)); err != nil {
		t.Fatal(err)
	}
	j, tr := open(t, dir)
	mustIntend(t, j, record("a"))
	tr.want(t, nil)
}

func TestDamaged(t *testing.T) {
	dir, _ := grown(t, 3)
	write(t, fileOf(dir), []byte(strings.Repeat("no journal ", 4000)))
	j, tr := open(t, dir)
	mustIntend(t, j, record("a"))
	tr.want(t, ErrDamaged)
	if msg := tr.errs[0].Error(); !strings.Contains(msg, fileOf(dir)) || !strings.Contains(msg, damagedSuffix) {
		t.Errorf("told %q", msg)
	}
	j.Close(false)
	j, tr = open(t, dir)
	if _, ok := j.Find(record("a").ID); !ok {
		t.Error("the new journal has no record")
	}
	tr.want(t, nil)
	if !exists(filepath.Join(dir, job().name()+damagedSuffix)) {
		t.Error("the damaged one is gone")
	}
}

// The directories have a file of their own, and outlive the journal; without them
// a damaged journal is not replaced before there is something to write.
func TestDamagedBesideDirectories(t *testing.T) {
	for _, temporary := range []bool{false, true} {
		dir, _ := grown(t, 1)
		if temporary {
			j, _ := open(t, dir)
			mustTemporary(t, j, "/d")
			j.Close(false)
		}
		write(t, fileOf(dir), []byte("no journal"))
		j, tr := open(t, dir)
		tr.want(t, ErrDamaged)
		if got := len(j.Directories()) == 1; got != temporary || exists(fileOf(dir)) != temporary {
			t.Errorf("directories %q; there is a file: %v", j.Directories(), exists(fileOf(dir)))
		}
		if err := j.Close(true); err != nil {
			t.Error(err)
		}
		if names, err := os.ReadDir(dir); err != nil || len(names) != 1 { // the damaged one
			t.Errorf("left: %v, %v", names, err)
		}
	}
}

// tryImage opens a file of these bytes, and returns what was read and told.
func tryImage(t testing.TB, dir string, raw []byte) ([]Record, error) {
	t.Helper()
	write(t, fileOf(dir), raw)
	var told []error
	j := Open(Options{Dir: dir, Job: job(), Trouble: func(err error) { told = append(told, err) }})
	got := j.Unclaimed()
	if err := j.Close(false); err != nil {
		t.Fatalf("Close: %v", err)
	}
	if len(told) > 1 {
		t.Fatalf("told %q", told)
	}
	return got, errors.Join(told...)
}

// checkSome checks that what was read was once written, or that the damage was
// seen.
func checkSome(t *testing.T, what string, got []Record, err error, all map[ID]Record) {
	t.Helper()
	if err != nil && (!errors.Is(err, ErrDamaged) || len(got) > 0) {
		t.Fatalf("%s: %d records, %v", what, len(got), err)
	}
	for _, r := range got {
		if r != all[r.ID] {
			t.Fatalf("%s: %+v was never written", what, r)
		}
	}
}

func TestCutOff(t *testing.T) {
	dir, all := grown(t, 60)
	raw := read(t, fileOf(dir))
	if got, err := tryImage(t, dir, raw); err != nil || len(got) != len(all) {
		t.Fatalf("whole: %d records, %v", len(got), err)
	}
	lengths := []int{1, 15, 16, 79, 80, 81, 1023, 4095}
	for n := 0; n <= len(raw); n += 512 {
		lengths = append(lengths, n, n+1)
	}
	seen := 0
	for _, n := range lengths {
		if n > len(raw) {
			continue
		}
		got, err := tryImage(t, dir, raw[:n])
		checkSome(t, fmt.Sprintf("%d bytes", n), got, err, all)
		if err != nil {
			seen++
		} else if len(got) != 0 && len(got) != len(all) {
			t.Errorf("%d bytes: %d records and no error", n, len(got))
		}
	}
	if seen < len(lengths)/4 {
		t.Errorf("%d of %d were seen to be damaged", seen, len(lengths))
	}
}

func TestFlippedBytes(t *testing.T) {
	dir, all := grown(t, 60)
	raw := read(t, fileOf(dir))
	rng := rand.New(rand.NewPCG(1, 2))
	n := 800
	if testing.Short() {
		n = 150
	}
	damages := 0
	for i := range n {
		image := append([]byte(nil), raw...)
		// Headers and elements are small, and what matters: every other one there.
		for range 1 + rng.IntN(3) {
			at := rng.IntN(len(image))
			if i%2 == 0 {
				at = at/pageSize*pageSize + rng.IntN(128)
			}
			image[at] ^= byte(1 + rng.IntN(255))
		}
		got, err := tryImage(t, dir, image)
		checkSome(t, fmt.Sprintf("image %d", i), got, err, all)
		if err != nil {
			damages++
		}
	}
	t.Logf("%d images, %d seen to be damaged", n, damages)
	if damages < n/10 {
		t.Errorf("only %d of %d were seen to be damaged", damages, n)
	}
}

// forge changes the header of a closed journal.
func forge(t *testing.T, path string, h headerJSON) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	v, err := seal([]byte(headerKey), h)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(metaBucket)).Put([]byte(headerKey), v)
	}); err != nil {
		t.Fatal(err)
	}
}

func TestOtherVersions(t *testing.T) {
	aside := filepath.Base(strings.TrimSuffix(fileOf(""), suffix) + damagedSuffix)

	dir, _ := grown(t, 3)
	forge(t, fileOf(dir), headerJSON{Format: format + 1})
	before := read(t, fileOf(dir))
	for range 2 {
		j, tr := open(t, dir)
		checkOff(t, j)
		tr.want(t, ErrVersion)
	}
	if string(read(t, fileOf(dir))) != string(before) || exists(filepath.Join(dir, aside)) {
		t.Error("that of a newer version was touched")
	}

	dir, _ = grown(t, 3)
	forge(t, fileOf(dir), headerJSON{Format: format - 1})
	j, tr := open(t, dir)
	checkOff(t, j)
	tr.want(t, ErrVersion)
	if exists(fileOf(dir)) || !exists(filepath.Join(dir, aside)) {
		t.Error("that of an older version is in the way of the next run")
	}
}

func TestForeign(t *testing.T) {
	dir, _ := grown(t, 3)
	o := job()
	o.Endpoint = "https://elsewhere.example"
	foreign := filepath.Join(dir, o.name()+suffix)
	if err := os.Rename(fileOf(dir), foreign); err != nil {
		t.Fatal(err)
	}
	tr := &troubles{}
	j := Open(Options{Dir: dir, Job: o, Trouble: tr.tell})
	if got := j.Unclaimed(); len(got) != 0 {
		t.Errorf("unclaimed %+v", got)
	}
	checkOff(t, j)
	tr.want(t, ErrForeign)
	if !exists(foreign) {
		t.Error("it is gone")
	}
}

// Every field of a job makes another journal of it.
func TestNamesOfJobs(t *testing.T) {
	names := map[string]bool{}
	for _, o := range []Job{
		job(),
		{},
		{Endpoint: "a"},
		{Account: "a"},
		{Op: "a"},
		{Src: "a"},
		{Dst: "a"},
		{Src: "a", Dst: "b"},
		{Src: "ab"},
		{Dst: "ab"},
	} {
		name := o.name()
		if names[name] || !isName(name+suffix) {
			t.Errorf("the name of %+v is %s", o, name)
		}
		names[name] = true
	}
}

// The disk is full in the midst of a run: nobody is told that a record is there
// which is not, those that are stay, and nobody else takes them for left over.
func TestAFullDisk(t *testing.T) {
	dir := t.TempDir()
	tr := &troubles{}
	left := 2
	j := Open(Options{Dir: dir, Job: job(), Trouble: tr.tell, hooks: hooks{commit: func() error {
		if left--; left < 0 {
			return fmt.Errorf("writing: %w", syscall.ENOSPC)
		}
		return nil
	}}})
	mustIntend(t, j, record("a"), record("b"))
	for range 2 {
		if ok, err := j.Intend(t.Context(), record("c")); ok || err != nil {
			t.Errorf("Intend = %v, %v", ok, err)
		}
	}
	tr.want(t, syscall.ENOSPC)
	second, tr2 := open(t, dir)
	checkOff(t, second)
	tr2.want(t, ErrLocked)
	j.Forget(record("a").ID)
	checkOff(t, j)
	j, tr = open(t, dir)
	if got := j.Unclaimed(); len(got) != 2 {
		t.Errorf("unclaimed %+v", got)
	}
	tr.want(t, nil)
}

// What Close cannot write is its error.
func TestCloseFails(t *testing.T) {
	tr := &troubles{}
	commits := 0
	j := Open(Options{Dir: t.TempDir(), Job: job(), Trouble: tr.tell, hooks: hooks{commit: func() error {
		if commits++; commits > 1 {
			return syscall.ENOSPC
		}
		return nil
	}}})
	mustIntend(t, j, record("a"))
	j.mu.Lock() // queued so that only Close writes it
	j.urgent = false
	delete(j.entries, record("a").ID)
	j.batch().changes = append(j.batch().changes, change{key: record("a").key()})
	j.mu.Unlock()
	if err := j.Close(true); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Close = %v", err)
	}
	tr.want(t, nil)
}

// The file is cut off under a process that has it mapped.
func TestCutOffUnderneath(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows refuses that")
	}
	dir := t.TempDir()
	j, tr := open(t, dir)
	mustIntend(t, j, record("a"))
	if err := os.Truncate(fileOf(dir), 0); err != nil {
		t.Fatal(err)
	}
	if ok, err := j.Intend(t.Context(), record("b")); ok || err != nil {
		t.Errorf("Intend = %v, %v", ok, err)
	}
	if len(tr.errs) != 1 {
		t.Errorf("told %q", tr.errs)
	}
	checkOff(t, j)
	next, tr := open(t, dir)
	mustIntend(t, next, record("c"))
	tr.want(t, nil)
}

// A list of directories that is torn, or another job's, loses lines and no more.
func TestDirectoriesThatAreTorn(t *testing.T) {
	dir := t.TempDir()
	j, _ := open(t, dir)
	mustTemporary(t, j, "/one")
	mustTemporary(t, j, "/two")
	j.Close(false)
	path := directoriesOf(fileOf(dir))
	whole := read(t, path)
	foreign := directories{path: "x" + directoriesSuffix}
	for i := range whole {
		torn := append(append([]byte(nil), whole[:i]...), foreign.line("/foreign")...)
		torn = append(torn, make([]byte, 100)...)
		write(t, path, torn)
		j, tr := open(t, dir)
		want := strings.Count(string(whole[:i]), "\"\n")
		if strings.HasSuffix(string(whole[:i]), `"`) && strings.Count(string(whole[:i]), `"`)%2 == 0 {
			want++ // its end is the next one's beginning
		}
		mustTemporary(t, j, "/three")
		if got := j.Directories(); len(got) != want {
			t.Fatalf("%d bytes: %q, want %d", i, got, want)
		}
		j.Close(false)
		j, _ = open(t, dir)
		if got := j.Directories(); len(got) != want+1 || got[want] != "/three" {
			t.Fatalf("%d bytes: %q", i, got)
		}
		j.Close(false)
		tr.want(t, nil)
	}
}

// A checksum says nothing of a page that names itself: each way in which bbolt
// could be led out of the file is refused.
func TestPagesThatLead(t *testing.T) {
	dir, _ := grown(t, 400)
	raw := read(t, fileOf(dir))
	var im image
	im.raw = raw
	m, err := im.newest()
	if err != nil {
		t.Fatal(err)
	}
	ne := binary.NativeEndian
	root := int(m.root) * pageSize
	free := int(m.freelist) * pageSize
	for name, forge := range map[string]func(b []byte){
		"the id of a page":           func(b []byte) { ne.PutUint64(b[root:], m.root+1) },
		"an overflow":                func(b []byte) { ne.PutUint32(b[root+12:], 1<<31) },
		"the count of a page":        func(b []byte) { ne.PutUint16(b[root+10:], 60000) },
		"the kind of a page":         func(b []byte) { ne.PutUint16(b[root+8:], 0x20) },
		"a position":                 func(b []byte) { ne.PutUint32(b[root+headerSize+4:], 1<<32-1) },
		"the length of a key":        func(b []byte) { ne.PutUint32(b[root+headerSize+8:], 1<<32-1) },
		"the length of a value":      func(b []byte) { ne.PutUint32(b[root+headerSize+12:], 1<<32-1) },
		"no bucket":                  func(b []byte) { ne.PutUint32(b[root+headerSize:], 0) },
		"the number of free pages":   func(b []byte) { ne.PutUint16(b[free+10:], 50000) },
		"that number, beyond":        func(b []byte) { ne.PutUint16(b[free+10:], 0xFFFF) },
		"a free page that is in use": func(b []byte) { ne.PutUint16(b[free+10:], 1); ne.PutUint64(b[free+headerSize:], m.root) },
		"a free page out of bounds":  func(b []byte) { ne.PutUint16(b[free+10:], 1); ne.PutUint64(b[free+headerSize:], 1<<40) },
		"the size of the pages": func(b []byte) {
			ne.PutUint32(b[headerSize+8:], 8*pageSize)
			putMetaSum(b, 0)
		},
		"a branch that leads to itself": func(b []byte) {
			at := branchOf(t, b)
			ne.PutUint64(b[at+headerSize+8:], uint64(at/pageSize))
		},
		"two branches that lead to one leaf": func(b []byte) {
			at := branchOf(t, b)
			copy(b[at+headerSize+8:][:8], b[at+headerSize+elementSize+8:])
		},
	} {
		b := append([]byte(nil), raw...)
		forge(b)
		if got, err := tryImage(t, dir, b); !errors.Is(err, ErrDamaged) || len(got) > 0 {
			t.Errorf("%s: %d records, %v", name, len(got), err)
		}
	}
}

// branchOf returns where in the file the root of the records is.
func branchOf(t *testing.T, b []byte) int {
	t.Helper()
	im := image{raw: b}
	m, err := im.newest()
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	err = im.walk(m.root, 0, nil, nil, func(_ uint32, key, value []byte) error {
		if string(key) == recordBucket {
			at = int(binary.NativeEndian.Uint64(value)) * pageSize
		}
		return nil
	})
	if err != nil || binary.NativeEndian.Uint16(b[at+8:]) != branchPage {
		t.Fatalf("the records have no branch: page at %d, %v", at, err)
	}
	return at
}

// putMetaSum makes the checksum of the meta page at off right.
func putMetaSum(b []byte, off int) {
	if off+headerSize+metaSize <= len(b) {
		m := b[off+headerSize:][:metaSize]
		h := fnv.New64a()
		h.Write(m[:metaSize-8])
		binary.NativeEndian.PutUint64(m[metaSize-8:], h.Sum64())
	}
}
