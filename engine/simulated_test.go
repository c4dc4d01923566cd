package engine_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
)

// simulated is a simulator in this process that remembers who sent what.
type simulated struct {
	*httptest.Server
	sim *s3sim.Server

	mu   sync.Mutex
	seen map[string]int // requests by operation and sender
}

// operation names the hot operations by how their requests look.
func operation(r *http.Request) string {
	q := r.URL.Query()
	object := strings.Count(strings.Trim(r.URL.Path, "/"), "/") > 0
	switch {
	case r.Method == http.MethodPut && q.Has("partNumber"):
		return "UploadPart"
	case r.Method == http.MethodPut && object:
		return "PutObject"
	case r.Method == http.MethodGet && object && !q.Has("uploadId"):
		return "GetObject"
	case r.Method == http.MethodHead && object:
		return "HeadObject"
	case r.Method == http.MethodGet && q.Has("list-type"):
		return "ListObjectsV2"
	case r.Method == http.MethodPost && q.Has("delete"):
		return "DeleteObjects"
	}
	return "other"
}

func simulate(t testing.TB, o s3sim.Options) *simulated {
	t.Helper()
	sim, err := s3sim.New(o)
	must(t, err)
	s := &simulated{sim: sim, seen: map[string]int{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sender := "fast"
		if r.Header.Get("Amz-Sdk-Request") != "" { // the SDK marks each of its own
			sender = "sdk"
		}
		s.mu.Lock()
		s.seen[operation(r)+" "+sender]++
		s.mu.Unlock()
		sim.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *simulated) options() engine.Options {
	return engine.Options{EndpointURL: s.URL, AccessKeyID: s3sim.DefaultAccessKeyID, SecretAccessKey: s3sim.DefaultSecretAccessKey}
}

// counts are the requests since the last time.
func (s *simulated) counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := maps.Clone(s.seen)
	clear(s.seen)
	return seen
}

// Whatever manager puts on its calls, its parts and ranges go by the fast path,
// and so does all that is sent by the million; what goes by the SDK is what
// there is once for each large object.
func TestHotRequestsLeaveTheSDK(t *testing.T) {
	s := simulate(t, s3sim.Options{VerifySignatures: true, KeepBodies: 32 << 20})
	eng := newEngine(t, s.options())
	dir := t.TempDir()
	largeFile(t, filepath.Join(dir, "large"), 20*mib+5)
	numbered("small", 30).write(t, dir)
	must(t, eng.MakeBucket(t.Context(), "sim"))
	s.counts()

	for _, q := range []struct {
		what     string
		src, dst engine.Location
		want     map[string]int
	}{
		{"up", engine.Dir(dir), engine.Bucket("sim", ""), map[string]int{"UploadPart fast": 3, "PutObject fast": 30, "ListObjectsV2 fast": 1}},
		{"down", engine.Bucket("sim", ""), engine.Dir(filepath.Join(t.TempDir(), "back")), map[string]int{"GetObject fast": 33, "ListObjectsV2 fast": 1}},
	} {
		sum, err := eng.Sync(t.Context(), q.src, q.dst, engine.SyncOptions{})
		must(t, err)
		must(t, sum.Err())
		seen := s.counts()
		for op, n := range q.want {
			if seen[op] != n {
				t.Errorf("%s: %d of %s, want %d; all: %v", q.what, seen[op], op, n, seen)
			}
		}
		for op, n := range seen {
			if strings.HasSuffix(op, " sdk") && op != "other sdk" {
				t.Errorf("%s: %d of %s", q.what, n, op)
			}
		}
	}
	sum, err := eng.Remove(t.Context(), engine.Bucket("sim", ""), engine.RemoveOptions{})
	must(t, err)
	must(t, sum.Err())
	if seen := s.counts(); seen["DeleteObjects fast"] != 1 || seen["DeleteObjects sdk"] != 0 {
		t.Errorf("rm: %v", seen)
	}

	// The test can fail: the SDK's requests are seen to be its own.
	o := s.options()
	o.SDK = true
	sum, err = newEngine(t, o).Sync(t.Context(), engine.Dir(dir), engine.Bucket("sim", ""), engine.SyncOptions{})
	must(t, err)
	must(t, sum.Err())
	if seen := s.counts(); seen["UploadPart sdk"] != 3 || seen["PutObject sdk"] != 30 || seen["UploadPart fast"] != 0 {
		t.Errorf("by the SDK: %v", seen)
	}
}

// What a store or the way to it does wrong is named and, where that can help,
// done again; under a final name there is never a wrong byte.
func TestBadStores(t *testing.T) {
	dir := t.TempDir()
	content := s3sim.Content(0)
	write := func(name string, size int64) {
		t.Helper()
		f, err := os.Create(filepath.Join(dir, name))
		must(t, err)
		_, err = content.WriteRange(f, 0, size)
		must(t, err)
		must(t, f.Close())
	}
	write("large", 20*mib)
	write("small", 4096)

	for _, q := range []struct {
		fault string
		fatal bool // also where it happens once
		says  string
	}{
		{"500", false, "InternalError"},
		{"503", false, "SlowDown"},
		{"reset", false, "connection reset"},
		{"cut", false, "EOF"},
		{"corrupt", false, "CRC64NVME"},
		{"garbage", false, "malformed HTTP"},
		{"length-long", false, ""},
		{"length-short", false, ""},
		{"range-wrong", true, "Content-Range"},
		{"range-missing", true, "Content-Range"},
		{"huge-headers", false, "headers exceeded"},
		{"checksum-wrong", false, "CRC64NVME"},
	} {
		for _, key := range []string{"small", "large"} {
			ranges := strings.HasPrefix(q.fault, "range-")
			if ranges && key == "small" {
				continue // it is asked for in whole
			}
			for _, every := range []int{0, 1} { // once, and each time
				t.Run(fmt.Sprintf("%s/%s/every%d", q.fault, key, every), func(t *testing.T) {
					t.Parallel() // most of the time passes between attempts
					text := "GetObject:" + q.fault + ":n=2,every=" + fmt.Sprint(every)
					if key == "small" || every == 1 {
						text = "GetObject:" + q.fault + ":n=1,every=" + fmt.Sprint(every)
					}
					if q.fault == "checksum-wrong" && key == "large" {
						text = "HeadObject:checksum-wrong:n=2,every=" + fmt.Sprint(every) // the first asks for the size alone
					}
					fault, err := s3sim.ParseFault(text)
					must(t, err)
					s := simulate(t, s3sim.Options{Conditions: s3sim.Conditions{Faults: []s3sim.Fault{fault}}})
					eng := newEngine(t, s.options())
					must(t, eng.MakeBucket(t.Context(), "sim"))
					sum, err := eng.Sync(t.Context(), engine.Dir(dir), engine.Bucket("sim", ""), engine.SyncOptions{})
					must(t, err)
					must(t, sum.Err())
					eng.Impatient(time.Second) // with a store that throttles each time
					back := filepath.Join(t.TempDir(), "back")
					rec := &recorder{}
					sum, err = eng.Copy(t.Context(), engine.Object("sim", key), engine.File(back), engine.CopyOptions{
						RunOptions: engine.RunOptions{Report: rec},
					})
					must(t, err)
					err = sum.Err()
					got, rerr := os.ReadFile(back)
					if err == nil {
						want, werr := os.ReadFile(filepath.Join(dir, key))
						must(t, werr)
						if rerr != nil || string(got) != string(want) {
							t.Errorf("it was said to be there, and is not right: %v", rerr)
						}
					} else if rerr == nil {
						t.Errorf("it failed, and there is a file of %d bytes", len(got))
					}
					if left, _ := filepath.Glob(filepath.Join(filepath.Dir(back), "*")); err != nil && len(left) > 0 {
						t.Errorf("it failed, and left %q", left)
					}
					switch {
					case every == 0 && !q.fatal && err != nil:
						t.Errorf("once: %v", err)
					case every == 0 && !q.fatal && q.says != "" && q.fault != "reset" && len(rec.keys(report.Retried)) == 0:
						t.Error("nothing was tried again") // net/http does it itself where a connection is reset
					case (every == 1 || q.fatal) && q.says != "" && (err == nil || !strings.Contains(err.Error(), q.says)):
						t.Errorf("it does not say %q: %v", q.says, err)
					}
				})
			}
		}
	}
}

// Where bodies go to another machine over http, the first run that sends one
// says so, once; its exit code stays what it is.
func TestNoticeOfPlainHTTP(t *testing.T) {
	s := simulate(t, s3sim.Options{VerifySignatures: true})
	must(t, newEngine(t, s.options()).MakeBucket(t.Context(), "sim"))
	o := s.options()
	o.EndpointURL, o.Region = "http://store.example", s3sim.DefaultRegion
	o.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
	}
	eng := newEngine(t, o)
	dir := t.TempDir()
	numbered("f", 3).write(t, dir)
	for i, want := range []int64{1, 0} {
		sum, err := eng.Sync(t.Context(), engine.Dir(dir), engine.Bucket("sim", fmt.Sprint(i)), engine.SyncOptions{})
		must(t, err)
		if sum.NoticeCount != want || sum.Exit() != 0 || want == 1 && !strings.Contains(sum.Notices[0].Error(), "store.example") {
			t.Errorf("run %d: %d notices: %v, exit %d", i, sum.NoticeCount, sum.Notices, sum.Exit())
		}
		if len(sum.Verified) != 1 || sum.Verified[0] != (report.SumCount{By: "CRC64NVME", Objects: 3}) {
			t.Errorf("run %d: verified %v", i, sum.Verified)
		}
	}
}
