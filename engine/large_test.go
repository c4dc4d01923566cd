package engine_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/transfer"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

const mib = 1 << 20

// largeFile makes a file in which no two blocks are the same.
func largeFile(t testing.TB, name string, size int64) string {
	t.Helper()
	block := make([]byte, mib)
	_, _ = rand.NewChaCha8([32]byte{}).Read(block)
	f, err := os.Create(name)
	must(t, err)
	w := bufio.NewWriterSize(f, mib)
	for at := int64(0); at < size; at += mib {
		binary.BigEndian.PutUint64(block, uint64(at))
		_, err := w.Write(block[:min(mib, size-at)])
		must(t, err)
	}
	must(t, errors.Join(w.Flush(), f.Close()))
	must(t, os.Chtimes(name, past(), past()))
	return name
}

// Large files arrive as they were where there is one slot, where there is
// little memory, and where there is little of both. That no upload is left open
// is checked by wiretest.
func TestLargeFiles(t *testing.T) {
	dir := t.TempDir()
	name := largeFile(t, filepath.Join(dir, "large"), 100*mib+12_345)
	// Small ones between the parts, and one that is a part exactly.
	numbered("small", 40).write(t, dir)
	largeFile(t, filepath.Join(dir, "part"), transfer.DefaultPartSize)
	for _, c := range []struct {
		what     string
		requests int
		memory   int64
		size     int64 // of the file; 0 leaves it as it is
	}{
		{what: "one request", requests: 1},
		{what: "16 MiB", memory: 16 * mib},
		{what: "one request in 16 MiB", requests: 1, memory: 16 * mib},
		{what: "one request in 16 MiB, larger", requests: 1, memory: 16 * mib, size: 300*mib + 12_345},
	} {
		t.Run(c.what, func(t *testing.T) {
			if c.size > 0 {
				if testing.Short() {
					t.Skip("-short: 300 MiB up and down take a while")
				}
				largeFile(t, name, c.size)
			}
			o := options(t)
			o.MaxInFlight, o.Memory = c.requests, c.memory
			eng := newEngine(t, o)
			bucket, back := engine.Bucket(wiretest.Bucket(t), ""), t.TempDir()
			sum, err := eng.Sync(t.Context(), engine.Dir(dir), bucket, engine.SyncOptions{})
			whole(t, sum, err)
			if sum.Moved != sum.Ops[report.Upload].Bytes {
				t.Errorf("%d bytes of progress for %d", sum.Moved, sum.Ops[report.Upload].Bytes)
			}
			sum, err = eng.Sync(t.Context(), bucket, engine.Dir(back), engine.SyncOptions{})
			whole(t, sum, err)
			if sum.Moved != sum.Ops[report.Download].Bytes {
				t.Errorf("%d bytes of progress for %d", sum.Moved, sum.Ops[report.Download].Bytes)
			}
			sameFile(t, name, filepath.Join(back, "large"))
			sameFile(t, filepath.Join(dir, "part"), filepath.Join(back, "part"))
			entries, err := os.ReadDir(back)
			must(t, err)
			if len(entries) != 42 {
				t.Errorf("%d names came back, want 42", len(entries))
			}
			s := eng.PoolStats()
			if o.MaxInFlight > 0 && s.MostInFlight > o.MaxInFlight {
				t.Errorf("%d requests at once, want %d at most", s.MostInFlight, o.MaxInFlight)
			}
			if o.Memory > 0 && s.Memory > o.Memory || s.MostReserved > s.Memory || s.MostReserved == 0 {
				t.Errorf("%d bytes of buffers were in use, of %d, of the %d allowed", s.MostReserved, s.Memory, o.Memory)
			}
			if s.InFlight != 0 || s.Reserved != 0 || s.UnderWay != 0 {
				t.Errorf("still in use: %+v", s)
			}
		})
	}
}

// Down, one size and another time prove nothing: the contents decide. What has
// the same content is not fetched.
func TestSameSizeNewerObject(t *testing.T) {
	var sent requests
	o := options(t)
	o.OnAttempt = sent.count
	eng := newEngine(t, o)
	up, down, bucket := t.TempDir(), t.TempDir(), wiretest.Bucket(t)
	largeFile(t, filepath.Join(up, "large"), 20*mib) // its ETag is not an MD5
	largeFile(t, filepath.Join(up, "large2"), 20*mib)
	tree{"equal": "abc", "differs": "abc", "older": "abc"}.write(t, up)
	sum, err := eng.Sync(t.Context(), engine.Dir(up), engine.Bucket(bucket, ""), engine.SyncOptions{})
	whole(t, sum, err)

	largeFile(t, filepath.Join(down, "large"), 20*mib)
	largeFile(t, filepath.Join(down, "large2"), 20*mib)
	tree{"equal": "abc", "differs": "abX", "older": "abX"}.write(t, down)
	f, err := os.OpenFile(filepath.Join(down, "large2"), os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt([]byte("X"), 10*mib)
	must(t, errors.Join(err, f.Close(), os.Chtimes(filepath.Join(down, "large2"), past(), past())))
	later := time.Now().Add(time.Hour)
	must(t, os.Chtimes(filepath.Join(down, "older"), later, later))

	want := []string{"differs", "large2", "older"}
	for _, dry := range []bool{true, false} {
		sent.take()
		sink := &recorder{}
		sum, err = eng.Sync(t.Context(), engine.Bucket(bucket, ""), engine.Dir(down), engine.SyncOptions{
			RunOptions: engine.RunOptions{DryRun: dry, Report: sink},
		})
		whole(t, sum, err)
		got := sink.keys(report.Done)
		if dry {
			got = sink.keys(report.DryRun)
			if n := sent.take(); len(n) != 1 {
				t.Errorf("a dry run sent %v", n)
			}
			// It asks for no checksum: ETags say it all.
			if strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("would fetch %q", got)
			}
			continue
		}
		if strings.Join(got, " ") != strings.Join(want, " ") || sum.Unchanged != 2 || sum.Planned.Objects != 3 || sum.Planned.Bytes != 20*mib+6 {
			t.Errorf("fetched %q; %+v", got, sum)
		}
	}
	sameFile(t, filepath.Join(up, "large2"), filepath.Join(down, "large2"))
	small := readDir(t, down)
	delete(small, "large")
	delete(small, "large2")
	expect(t, "down", small, tree{"equal": "abc", "differs": "abc", "older": "abc"})
}

// An object that is replaced between the listing and its download: a small one
// arrives as it is then, a large one fails and leaves nothing.
func TestObjectReplacedAfterTheListing(t *testing.T) {
	bucket, dir := wiretest.Bucket(t), t.TempDir()
	c := wiretest.Endpoint(t).Client(t)
	putObject(t, c, bucket, "small", "1")
	putObject(t, c, bucket, "shrinks", strings.Repeat("long", 100))
	putObject(t, c, bucket, "large", strings.Repeat("a", 12*mib))
	putObject(t, c, bucket, "vanishes", "1")
	var once sync.Once
	o := options(t)
	o.OnAttempt = func(op string, _ time.Duration, _ error) {
		once.Do(func() { // The page has come, and nobody has seen it yet.
			if op != "ListObjectsV2" {
				t.Errorf("the first request is %s", op)
			}
			putObject(t, c, bucket, "small", "longer than before")
			putObject(t, c, bucket, "shrinks", "short")
			putObject(t, c, bucket, "large", strings.Repeat("b", 11*mib))
			_, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String("vanishes")})
			if err != nil {
				t.Error(err)
			}
		})
	}
	sum, err := newEngine(t, o).Sync(t.Context(), engine.Bucket(bucket, ""), engine.Dir(dir), engine.SyncOptions{})
	if err != nil || sum.Failed != 2 || !errors.Is(sum.Err(), transfer.ErrChanged) {
		t.Fatalf("%v; %v", err, sum.Err())
	}
	for _, f := range sum.Failures {
		if errors.Is(f, transfer.ErrChanged) != (f.Key == "large") {
			t.Errorf("%v", f)
		}
	}
	if got := sum.Ops[report.Download]; got != (report.OpCount{Objects: 2, Bytes: int64(len("longer than before" + "short"))}) {
		t.Errorf("%+v", got)
	}
	expect(t, "dir", readDir(t, dir), tree{"small": "longer than before", "shrinks": "short"})
}
