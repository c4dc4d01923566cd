package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

// Each request fails in its turn, until none is left to fail. Every failure is
// told, no delete happens where a transfer or a listing failed, and the next
// run makes it good.
func TestEachRequestFails(t *testing.T) {
	dir := t.TempDir()
	largeFile(t, filepath.Join(dir, "large"), 6*mib) // two parts
	tree{"a": "1", "m": "2"}.write(t, dir)
	want := readDir(t, dir)
	extra := tree{"0": "x", "z": "x"}
	for _, down := range []bool{false, true} {
		for n := int64(1); ; n++ {
			var seen atomic.Int64
			var failed, method atomic.Value
			p := newProxy(t, func(w http.ResponseWriter, r *http.Request) bool {
				if seen.Add(1) != n {
					return false
				}
				failed.Store(r.Method + " " + r.URL.RequestURI())
				method.Store(r.Method)
				return deny(w, http.StatusForbidden, "AccessDenied")
			})
			o := p.options(t)
			o.PartSize = 5 * mib
			eng := newEngine(t, o)
			bucket, to := wiretest.Bucket(t), t.TempDir()
			src, dst := engine.Dir(dir), engine.Bucket(bucket, "")
			read := func() tree { return readBucket(t, bucket) }
			if down {
				sum, err := newEngine(t, options(t)).Sync(t.Context(), src, dst, engine.SyncOptions{})
				whole(t, sum, err)
				src, dst = dst, engine.Dir(to)
				read = func() tree { return readDir(t, to) }
				extra.write(t, to)
			} else {
				extra.put(t, bucket)
			}
			sum, err := eng.Sync(t.Context(), src, dst, engine.SyncOptions{Delete: true})
			if failed.Load() == nil {
				whole(t, sum, err)
				if n < 5 {
					t.Errorf("down %v: only %d requests", down, n-1)
				}
				break
			}
			name := fmt.Sprintf("down %v, request %d, %s", down, n, failed.Load())
			told := "AccessDenied"
			if method.Load() == http.MethodHead { // an answer without a body, and so without a code
				told = "Forbidden"
			}
			if wire.Code(errors.Join(err, sum.Err())) != told {
				t.Errorf("%s: not told: %v; %v", name, err, sum.Err())
			}
			isDelete := method.Load() == http.MethodPost && strings.HasSuffix(failed.Load().(string), "delete=")
			left := read()
			for key := range extra {
				if _, ok := left[key]; !ok && !isDelete {
					t.Errorf("%s: %q was deleted", name, key)
				}
			}
			sum, err = eng.Sync(t.Context(), src, dst, engine.SyncOptions{Delete: true})
			whole(t, sum, err)
			expect(t, name, read(), want)
		}
	}
}

// What stops the run is returned, and not the cancellations that follow from it.
func TestFirstTrueError(t *testing.T) {
	p := newProxy(t, func(w http.ResponseWriter, r *http.Request) bool {
		return isPut(r, "k05") && deny(w, http.StatusForbidden, "InvalidAccessKeyId")
	})
	dir := numbered("k", 300).write(t, t.TempDir())
	bucket := wiretest.Bucket(t)
	tree{"x": "stays"}.put(t, bucket)
	o := p.options(t)
	o.MaxInFlight = 4
	sum, err := newEngine(t, o).Sync(t.Context(), engine.Dir(dir), engine.Bucket(bucket, ""), engine.SyncOptions{Delete: true})
	if wire.Code(err) != "InvalidAccessKeyId" || errors.Is(err, context.Canceled) {
		t.Errorf("the run ended with %v", err)
	}
	if sum.Failed != 1 || sum.Failures[0].Key != "k05" || sum.Ops[report.Upload].Objects > 50 || sum.Ops[report.Delete].Objects != 0 {
		t.Errorf("%+v", sum)
	}
	if readBucket(t, bucket)["x"] != "stays" {
		t.Error("a run that was stopped has deleted")
	}
}

// A store that goes away in the middle of a listing.
func TestStoreGoesAway(t *testing.T) {
	bucket, dir := wiretest.Bucket(t), tree{"k07x": "x", "z": "x"}.write(t, t.TempDir())
	numbered("k", 35).put(t, bucket)
	p := newProxy(t, nil)
	o := p.options(t)
	var once sync.Once
	o.OnAttempt = func(string, time.Duration, error) {
		once.Do(func() {
			_ = p.server.Listener.Close()
			p.server.CloseClientConnections()
		})
	}
	eng := newEngine(t, o)
	eng.Impatient(time.Second)
	sum, err := eng.Sync(t.Context(), engine.Bucket(bucket, ""), engine.Dir(dir), engine.SyncOptions{
		Delete: true, RunOptions: engine.RunOptions{PageSize: 10},
	})
	var op interface{ Operation() string }
	if !errors.Is(err, syscall.ECONNREFUSED) || !errors.As(err, &op) || op.Operation() != "ListObjectsV2" {
		t.Errorf("the run ended with %v", err)
	}
	if sum.Retries < 4 || sum.Ops[report.Delete].Objects != 0 {
		t.Errorf("%+v", sum)
	}
	left := readDir(t, dir)
	if left["k07x"] != "x" || left["z"] != "x" {
		t.Error("a run that could not list has deleted")
	}
}

// Requests that fail once are sent again, and bodies that break off are asked
// for again; the run succeeds and counts them.
func TestPassingFaults(t *testing.T) {
	files := numbered("k", 8)
	var mu sync.Mutex
	seen := map[string]bool{}
	first := func(r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		key := r.Method + r.URL.String()
		defer func() { seen[key] = true }()
		return !seen[key]
	}
	p := newProxy(t, func(w http.ResponseWriter, r *http.Request) bool {
		if !first(r) {
			return false
		}
		switch {
		case isPut(r, "k00"): // a GET net/http may repeat by itself
			return breakOff()
		case isGet(r, "k01"): // one of its two bytes
			w.Header().Set("Content-Length", strconv.Itoa(len(files["k01"])+1))
			_, _ = io.WriteString(w, files["k01"])
			_ = http.NewResponseController(w).Flush()
			return breakOff()
		}
		return deny(w, http.StatusServiceUnavailable, "SlowDown")
	})
	eng := newEngine(t, p.options(t))
	bucket, to := engine.Bucket(wiretest.Bucket(t), ""), t.TempDir()
	for _, run := range []struct {
		src, dst             engine.Location
		retries, slowedDowns int64
	}{
		{engine.Dir(files.write(t, t.TempDir())), bucket, 9, 8}, // and the list
		{bucket, engine.Dir(to), 8, 7},                          // found by the same list
	} {
		sum, err := eng.Sync(t.Context(), run.src, run.dst, engine.SyncOptions{})
		whole(t, sum, err)
		if sum.Retries != run.retries || sum.Throttled != run.slowedDowns {
			t.Errorf("%s: %d retries, %d of them asked for, want %d and %d", run.src, sum.Retries, sum.Throttled, run.retries, run.slowedDowns)
		}
		bytes := int64(0)
		for _, content := range files {
			bytes += int64(len(content))
		}
		if sum.Moved != bytes {
			t.Errorf("%s: %d bytes moved, want %d", run.src, sum.Moved, bytes)
		}
	}
	expect(t, "dir", readDir(t, to), files)
}
