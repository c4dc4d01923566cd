package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/walker"
)

// odd are keys and entries that a careless encoding would lose.
func odd() []plan.Action {
	at := time.Date(2026, 2, 3, 4, 5, 6, 789, time.UTC)
	actions := []plan.Action{
		{},
		{Op: plan.Delete, Reason: plan.Absent, Key: "a", Dst: walker.Entry{Key: "a", Size: 1, ModTime: at}},
		{Op: plan.Transfer, Reason: plan.New, Key: "ab", Src: walker.Entry{Key: "other", Size: -1, ETag: "e"}},
		{Op: plan.Check, Reason: plan.Time, Key: "a", Src: walker.Entry{Key: "a"}, Dst: walker.Entry{Key: "b", VersionID: "null"}},
		{Op: 255, Reason: 255, Key: "", Src: walker.Entry{Key: "x", Latest: true}, Dst: walker.Entry{DeleteMarker: true, Size: 1<<63 - 1}},
		{Key: "k", Src: walker.Entry{Key: "k", ModTime: time.Unix(0, 0).UTC(), StorageClass: "GLACIER"}, Dst: walker.Entry{StorageClass: "STANDARD", Size: -1 << 63}},
		{Key: "k2", Dst: walker.Entry{StorageClass: "STANDARD", ModTime: time.Date(-5000, 1, 1, 0, 0, 0, 1, time.UTC)}},
	}
	for _, key := range []string{
		"/", "//", "a//b", " ", "\x00", "a\x00b", "\xff\xfe", "é", "e\u0301", "a\nb", "日本/語",
		strings.Repeat("k", 1024), strings.Repeat("k", 1024) + "/x", strings.Repeat("z", 200_000),
	} {
		actions = append(actions, plan.Action{Op: plan.Delete, Reason: plan.Absent, Key: key, Dst: walker.Entry{Key: key, ETag: "\x00\"", VersionID: key}})
	}
	return actions
}

func numbered(n int) []plan.Action {
	actions := make([]plan.Action, n)
	for i := range actions {
		actions[i] = nth(i)
	}
	return actions
}

func nth(i int) plan.Action {
	key := fmt.Sprintf("photos/2026/%03d/%08d.jpg", i/10_000, i)
	return plan.Action{Op: plan.Delete, Reason: plan.Absent, Key: key, Dst: walker.Entry{
		Key: key, Size: int64(i) * 1000, ModTime: time.Unix(1_700_000_000+int64(i), int64(i)).UTC(),
		ETag: "d41d8cd98f00b204e9800998ecf8427e", StorageClass: "STANDARD",
	}}
}

func add(t *testing.T, s *Spool, actions []plan.Action) {
	t.Helper()
	for _, a := range actions {
		if err := s.Add(a); err != nil {
			t.Fatal(err)
		}
	}
}

func collect(s *Spool) (got []plan.Action, err error) {
	for a, err := range s.All(context.Background()) {
		if err != nil {
			return got, err
		}
		got = append(got, a)
	}
	return got, nil
}

func files(t *testing.T, dir string) int {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestRoundTrip(t *testing.T) {
	for _, full := range []int{1, 64, 1000, blockSize, 1 << 30} {
		s := New(t.TempDir())
		s.full = full
		want := append(odd(), numbered(2000)...)
		for i, a := range want {
			if err := s.Add(a); err != nil {
				t.Fatal(err)
			}
			if s.Len() != int64(i+1) {
				t.Fatalf("%d actions after %d", s.Len(), i+1)
			}
		}
		for range 2 {
			got, err := collect(s)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) {
				t.Errorf("blocks of %d bytes: %d actions came back of %d, or others", full, len(got), len(want))
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestZone: what == of two times sees and nobody needs is not kept.
func TestZone(t *testing.T) {
	s := New(t.TempDir())
	defer s.Close()
	now := time.Now().In(time.FixedZone("x", 3600))
	add(t, s, []plan.Action{{Dst: walker.Entry{ModTime: now}}})
	got, err := collect(s)
	if err != nil || len(got) != 1 || !got[0].Dst.ModTime.Equal(now) || got[0].Dst.ModTime.Location() != time.UTC {
		t.Errorf("%v %v", got, err)
	}
}

// TestSmallTouchesNoDisk uses a directory that is not there.
func TestSmallTouchesNoDisk(t *testing.T) {
	s := New("does/not/exist")
	defer s.Close()
	var want []plan.Action
	for i := 0; s.Bytes() < blockSize-200; i++ {
		want = append(want, nth(i))
		add(t, s, want[i:])
	}
	if got, err := collect(s); err != nil || !slices.Equal(got, want) {
		t.Errorf("%d of %d actions, %v", len(got), len(want), err)
	}
	var err error
	for i := 0; err == nil && i < 100; i++ {
		err = s.Add(nth(i))
	}
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "does") {
		t.Errorf("the first block that is full gave %v", err)
	}
	if again := s.Add(nth(0)); !errors.Is(again, fs.ErrNotExist) {
		t.Errorf("after the failure Add gave %v", again)
	}
	if got, again := collect(s); len(got) > 0 || !errors.Is(again, fs.ErrNotExist) {
		t.Errorf("after the failure %d actions and %v", len(got), again)
	}
}

func TestFileGoesAway(t *testing.T) {
	dir := t.TempDir()
	s := New(dir)
	add(t, s, numbered(5000))
	f, ok := s.f.(*os.File)
	if !ok {
		t.Fatal("5000 actions are not in a file")
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" {
		if info.Mode().Perm() != 0o600 {
			t.Errorf("the mode is %v", info.Mode())
		}
		if files(t, dir) != 0 {
			t.Error("the file has a name")
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if files(t, dir) != 0 {
		t.Error("Close left the file")
	}
	if err := s.Close(); err != nil {
		t.Errorf("the second Close: %v", err)
	}
	if err := s.Add(nth(0)); !errors.Is(err, ErrClosed) {
		t.Errorf("Add after Close: %v", err)
	}
	if _, err := collect(s); !errors.Is(err, ErrClosed) {
		t.Errorf("All after Close: %v", err)
	}
	if s.Len() != 0 || s.Bytes() != 0 {
		t.Errorf("%d actions, %d bytes after Close", s.Len(), s.Bytes())
	}
}

// TestNamedFileIsRemoved is the way of systems that cannot remove an open file.
func TestNamedFileIsRemoved(t *testing.T) {
	dir := t.TempDir()
	s := New(dir)
	s.create = func(dir string) (file, string, error) {
		f, err := os.CreateTemp(dir, "x")
		if err != nil {
			return nil, "", err
		}
		return f, f.Name(), nil
	}
	add(t, s, numbered(5000))
	if files(t, dir) != 1 {
		t.Fatal("no file")
	}
	if err := s.Close(); err != nil || files(t, dir) != 0 {
		t.Errorf("Close: %v, %d files left", err, files(t, dir))
	}
}

// memory is a file that fails as it is told.
type memory struct {
	b      []byte
	writes int // how many go well
	closed bool
}

func (m *memory) Name() string { return "/spool/x" }
func (m *memory) Close() error { m.closed = true; return nil }

func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	if m.writes == 0 {
		// As much as fits is written, as a full disk does it.
		m.b = append(m.b[:off], p[:len(p)/2]...)
		return len(p) / 2, &fs.PathError{Op: "write", Path: m.Name(), Err: syscall.ENOSPC}
	}
	m.writes--
	m.b = append(m.b[:off], p...)
	return len(p), nil
}

func (m *memory) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(m.b)) {
		return 0, io.EOF
	}
	n := copy(p, m.b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// TestFullDisk lets each write fail.
func TestFullDisk(t *testing.T) {
	want := numbered(200)
	for i := 0; ; i++ {
		m := &memory{writes: i}
		s := New("")
		s.full = 500
		s.create = func(string) (file, string, error) { return m, "", nil }
		var err error
		for _, a := range want {
			if err = s.Add(a); err != nil {
				break
			}
		}
		if err == nil {
			if got, err := collect(s); err != nil || !slices.Equal(got, want) {
				t.Errorf("without a failure: %d actions, %v", len(got), err)
			}
			if i < 10 {
				t.Errorf("only %d writes", i)
			}
			return
		}
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), m.Name()) {
			t.Fatalf("write %d: %v", i, err)
		}
		if got, err := collect(s); len(got) > 0 || !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("write %d failed, and %d actions came back with %v", i, len(got), err)
		}
		if err := s.Close(); err != nil || !m.closed {
			t.Errorf("Close: %v, closed %v", err, m.closed)
		}
	}
}

// TestRealFullDisk writes to a device that is always full, where there is one.
func TestRealFullDisk(t *testing.T) {
	const device = "/dev/full"
	s := New("")
	s.create = func(string) (file, string, error) {
		f, err := os.OpenFile(device, os.O_RDWR, 0)
		return f, "", err
	}
	if f, _, err := s.create(""); err != nil {
		t.Skip(err)
	} else if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var err error
	for i := 0; i < 5000 && err == nil; i++ {
		err = s.Add(nth(i))
	}
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), device) {
		t.Errorf("got %v", err)
	}
}

// TestCorruption changes each byte of the file, and cuts it at each length:
// what is yielded before the error has to be what was added.
func TestCorruption(t *testing.T) {
	want := append(numbered(30), nth(12), nth(7))
	m := &memory{writes: 1000}
	s := New("")
	s.full = 200
	s.create = func(string) (file, string, error) { return m, "", nil }
	add(t, s, want)
	whole := slices.Clone(m.b)
	if len(whole) < 1000 {
		t.Fatalf("a file of %d bytes", len(whole))
	}
	check := func(what string, i int) {
		t.Helper()
		got, err := collect(s)
		if !errors.Is(err, ErrCorrupt) {
			t.Fatalf("%s at %d is not seen: %v", what, i, err)
		}
		if len(got) >= len(want) || !slices.Equal(got, want[:len(got)]) {
			t.Fatalf("%s at %d: wrong actions before %v", what, i, err)
		}
	}
	for i := range whole {
		for bit := range 8 {
			m.b = slices.Clone(whole)
			m.b[i] ^= 1 << bit
			check("a flipped bit", i)
		}
		m.b[i] = whole[i] ^ 0xff
		check("a flipped byte", i)
		m.b = whole[:i:i]
		check("the end", i)
	}
	// A length is not believed beyond the file: no memory is made for it.
	m.b = slices.Clone(whole)
	m.b[3] ^= 0x40
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	check("a length of 1 GiB", 3)
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes of memory for a wrong length", n)
	}
	// Blocks that are right, in the wrong order.
	first := headerSize + int(whole[0]) + int(whole[1])<<8
	second := headerSize + int(whole[first]) + int(whole[first+1])<<8
	m.b = slices.Concat(whole[first:first+second], whole[:first], whole[first+second:])
	check("a swapped block", 0)
	m.b = whole
	if got, err := collect(s); err != nil || !slices.Equal(got, want) {
		t.Errorf("the whole file: %v", err)
	}
}

// TestRealFileCut shortens the real file behind the Spool's back.
func TestRealFileCut(t *testing.T) {
	s := New(t.TempDir())
	defer s.Close()
	add(t, s, numbered(5000))
	if err := s.f.(*os.File).Truncate(s.end - 1); err != nil {
		t.Fatal(err)
	}
	got, err := collect(s)
	if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), s.f.Name()) {
		t.Errorf("%d actions and %v", len(got), err)
	}
}

func TestAllHeedsItsContext(t *testing.T) {
	s := New(t.TempDir())
	defer s.Close()
	add(t, s, numbered(5000))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var n int
	var last error
	for _, err := range s.All(ctx) {
		if last = err; err == nil {
			n++
		}
		if n == 1500 {
			cancel()
		}
	}
	if n != 1500 || !errors.Is(last, context.Canceled) {
		t.Errorf("%d actions, %v", n, last)
	}
}

// TestAddWhileReading: a range sees what there was when it began.
func TestAddWhileReading(t *testing.T) {
	s := New(t.TempDir())
	defer s.Close()
	s.full = 300
	want := numbered(100)
	add(t, s, want)
	var got []plan.Action
	for a, err := range s.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, a)
		add(t, s, []plan.Action{nth(1000), nth(1001)})
	}
	if !slices.Equal(got, want) || s.Len() != 300 {
		t.Errorf("%d actions were read, %d are there", len(got), s.Len())
	}
}

// TestMillion bounds the memory of a large spool.
func TestMillion(t *testing.T) {
	n := 1_000_000
	if testing.Short() {
		n = 100_000
	}
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	s := New(t.TempDir())
	defer s.Close()
	before := heap()
	for i := range n {
		if err := s.Add(nth(i)); err != nil {
			t.Fatal(err)
		}
	}
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("%d bytes of memory for %d actions", grown, n)
	}
	i := 0
	for a, err := range s.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		// Sizes tell the order; to make every key again takes longest of all.
		if a.Dst.Size != int64(i)*1000 || i%100 == 0 && a != nth(i) {
			t.Fatalf("action %d is %+v", i, a)
		}
		if i == n/2 {
			if grown := heap() - before; grown > 1<<20 {
				t.Errorf("%d bytes of memory while reading", grown)
			}
		}
		i++
	}
	if i != n {
		t.Errorf("%d actions", i)
	}
	t.Logf("%.1f bytes an action", float64(s.Bytes())/float64(n))
}
