package engine_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/walker"
)

// again is a second address of the store, which has keys of that.
func (s *shop) again(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(s.sim)
	t.Cleanup(server.Close)
	return server.URL
}

// The same store as the source by another name, its profile or its address, is the
// same: what is there is not taken for a copy of itself, and not lost.
func TestOneStoreByTwoNames(t *testing.T) {
	all := tree{"k": "1", "p/a": "1", "p/b": "2", "p/sub/c": "3"}
	keys := []string{"k", "p/a", "p/b", "p/sub/c"}
	for _, name := range []string{"profile", "keys", "endpoint", "another address"} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, "bbb")
			s.put(t, "bbb", all)
			o := s.options()
			o.Source = &engine.Remote{EndpointURL: s.URL, AccessKeyID: s3sim.DefaultAccessKeyID, SecretAccessKey: s3sim.DefaultSecretAccessKey}
			switch name {
			case "profile":
				file := filepath.Join(t.TempDir(), "config")
				must(t, os.WriteFile(file, []byte("[profile p]\nendpoint_url = "+s.URL+"/\naws_access_key_id = "+s3sim.DefaultAccessKeyID+"\naws_secret_access_key = "+s3sim.DefaultSecretAccessKey+"\n"), 0o600))
				t.Setenv("AWS_CONFIG_FILE", file)
				o.Source = &engine.Remote{Profile: "p"}
			case "endpoint":
				o.Source = &engine.Remote{EndpointURL: s.URL}
			case "another address":
				o.Source = &engine.Remote{EndpointURL: s.again(t)}
			}
			eng := newEngine(t, o)
			refused := func(what string, err error) {
				t.Helper()
				if !errors.Is(err, engine.ErrUsage) {
					t.Errorf("%s: %v", what, err)
				}
			}
			for _, at := range [][2]engine.Location{
				{engine.Object("bbb", "k"), engine.Object("bbb", "k")},
				{engine.Bucket("bbb", "p/"), engine.Bucket("bbb", "p/")},
				{engine.Bucket("bbb", ""), engine.Bucket("bbb", "")},
			} {
				sum, err := eng.Move(t.Context(), at[0], at[1], engine.MoveOptions{})
				if !errors.Is(err, engine.ErrUsage) && (err != nil || sum.Failed == 0) {
					t.Errorf("mv %v %v: %v; %+v", at[0], at[1], err, sum)
				}
			}
			_, err := eng.Move(t.Context(), engine.Bucket("bbb", "p/"), engine.Bucket("bbb", "p/sub/"), engine.MoveOptions{})
			refused("mv inside", err)
			_, err = eng.Move(t.Context(), engine.Bucket("bbb", "p/"), engine.Bucket("bbb", ""), engine.MoveOptions{})
			refused("mv out", err)
			_, err = eng.Sync(t.Context(), engine.Bucket("bbb", "p/"), engine.Bucket("bbb", ""), engine.SyncOptions{Delete: true})
			refused("sync --delete", err)
			_, err = eng.Copy(t.Context(), engine.Bucket("bbb", ""), engine.Bucket("bbb", "x/"), engine.CopyOptions{})
			refused("cp inside", err)
			same(t, "there", s.keys(t, "bbb"), keys)

			// What the message says to do helps.
			out := engine.RunOptions{Filters: []walker.Rule{{Pattern: "p/*"}}}
			sum, err := eng.Sync(t.Context(), engine.Bucket("bbb", "p/"), engine.Bucket("bbb", ""), engine.SyncOptions{Delete: true, RunOptions: out})
			whole(t, sum, err)
			same(t, "then", s.keys(t, "bbb"), []string{"a", "b", "p/a", "p/b", "p/sub/c", "sub/c"})
			moved, err := eng.Move(t.Context(), engine.Object("bbb", "a"), engine.Object("bbb", "z"), engine.MoveOptions{})
			whole(t, moved, err)
			same(t, "after mv", s.keys(t, "bbb"), []string{"b", "p/a", "p/b", "p/sub/c", "sub/c", "z"})
		})
	}
}

// Between two stores, a bucket goes to the one of the same name, whole and in place.
func TestTwoStoresWithOneBucketName(t *testing.T) {
	from, to := newShop(t, "bbb"), newShop(t, "bbb")
	from.put(t, "bbb", tree{"k": "1", "p/a": "2"})
	to.put(t, "bbb", tree{"old": "1"})
	o := to.options()
	o.Source = &engine.Remote{EndpointURL: from.URL}
	eng := newEngine(t, o)
	sum, err := eng.Sync(t.Context(), engine.Bucket("bbb", ""), engine.Bucket("bbb", ""), engine.SyncOptions{Delete: true})
	whole(t, sum, err)
	same(t, "synced", to.keys(t, "bbb"), []string{"k", "p/a"})
	from.put(t, "bbb", tree{"k": "newer", "new": "3"})
	sum, err = eng.Move(t.Context(), engine.Bucket("bbb", ""), engine.Bucket("bbb", ""), engine.MoveOptions{RunOptions: engine.RunOptions{Filters: []walker.Rule{{Pattern: "p/*"}}}})
	whole(t, sum, err)
	same(t, "moved", to.keys(t, "bbb"), []string{"k", "new", "p/a"})
	same(t, "left", from.keys(t, "bbb"), []string{"p/a"})
}

// In S3 a name is one bucket for all accounts and regions, but not in another partition.
func TestOneNameInTwoAccounts(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errStop) // what is not refused ends there
	for region, one := range map[string]bool{"us-east-1": true, "eu-west-1": true, "cn-north-1": false, "us-gov-west-1": false} {
		eng := newEngine(t, engine.Options{
			Region: "us-east-1", AccessKeyID: "AKIAHERE", SecretAccessKey: "here",
			Source: &engine.Remote{Region: region, AccessKeyID: "AKIATHERE", SecretAccessKey: "there"},
		})
		_, err := eng.Move(ctx, engine.Object("bbb", "k"), engine.Object("bbb", "k"), engine.MoveOptions{})
		if errors.Is(err, engine.ErrUsage) != one {
			t.Errorf("from %s: %v", region, err)
		}
	}
}

// An access point may lead to the bucket that the other side is.
func TestOverlapByAnAccessPoint(t *testing.T) {
	s := newShop(t, "bbb")
	eng := newEngine(t, s.options())
	ap, plain := func(p string) engine.Location { return engine.Bucket("bbb-s3alias", p) }, func(p string) engine.Location { return engine.Bucket("bbb", p) }
	for _, at := range [][2]engine.Location{{ap("p/"), plain("")}, {plain("p/"), ap("")}} {
		if _, err := eng.Sync(t.Context(), at[0], at[1], engine.SyncOptions{Delete: true}); !errors.Is(err, engine.ErrUsage) || !strings.Contains(err.Error(), "an access point may lead to the same bucket") {
			t.Errorf("sync --delete %v %v: %v", at[0], at[1], err)
		}
		for _, at := range [][2]engine.Location{at, {at[1], at[0]}} {
			if _, err := eng.Move(t.Context(), at[0], at[1], engine.MoveOptions{}); !errors.Is(err, engine.ErrUsage) || !strings.Contains(err.Error(), "--exclude 'p/*'") {
				t.Errorf("mv %v %v: %v", at[0], at[1], err)
			}
		}
	}
	if n := s.counts(); n["ListObjectsV2 fast"]+n["DeleteObjects fast"] != 0 {
		t.Errorf("requests %v", n)
	}
	if _, err := eng.Copy(t.Context(), ap(""), plain("2026/"), engine.CopyOptions{}); errors.Is(err, engine.ErrUsage) {
		t.Errorf("cp of all that an access point has: %v", err)
	}
}

// Standard output is no file of the name "-".
func TestNoOverwriteOfAStream(t *testing.T) {
	s := newShop(t, "bbb")
	s.put(t, "bbb", tree{"k": "content"})
	t.Chdir(tree{"-": "a file"}.write(t, t.TempDir()))
	eng := newEngine(t, s.options())
	for what, ro := range map[string]engine.RunOptions{"no overwrite": {NoOverwrite: true}, "immutable": {Immutable: true}} {
		var out strings.Builder
		sum, err := eng.Copy(t.Context(), engine.Object("bbb", "k"), engine.Stream(), engine.CopyOptions{Stdout: &out, RunOptions: ro})
		whole(t, sum, err)
		if out.String() != "content" || sum.Unchanged != 0 {
			t.Errorf("%s: %q; %+v", what, out.String(), sum)
		}
	}
}

// One of two that make a bucket at the same time finds it made.
func TestEnsureBucketThatIsMadeMeanwhile(t *testing.T) {
	p := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.WriteHeader(http.StatusConflict)
		_, _ = w.Write([]byte("<Error><Code>BucketAlreadyOwnedByYou</Code></Error>"))
	}))
	t.Cleanup(p.Close)
	o := engine.Options{EndpointURL: p.URL, AccessKeyID: s3sim.DefaultAccessKeyID, SecretAccessKey: s3sim.DefaultSecretAccessKey}
	if made, err := newEngine(t, o).EnsureBucket(t.Context(), "bbb"); made || err != nil {
		t.Errorf("%v, %v", made, err)
	}
}

// An archived object that was restored is read like any other.
func TestRestoredObjectByItself(t *testing.T) {
	s := newShop(t, "bbb")
	s.put(t, "bbb", tree{"k": "content"})
	for restore, want := range map[string]int64{
		"": 0, `ongoing-request="true"`: 0, `ongoing-request="false", expiry-date="Fri, 21 Dec 2029 00:00:00 GMT"`: 1,
	} {
		p := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead && strings.HasSuffix(r.URL.Path, "/k") {
				w.Header().Set("X-Amz-Storage-Class", "GLACIER")
				if restore != "" {
					w.Header().Set("X-Amz-Restore", restore)
				}
			}
			s.sim.ServeHTTP(w, r)
		}))
		t.Cleanup(p.Close)
		o := s.options()
		o.EndpointURL = p.URL
		for op, dst := range map[report.Op]engine.Location{report.Download: engine.File(filepath.Join(t.TempDir(), "k")), report.Copy: engine.Object("bbb", "l")} {
			sum, err := newEngine(t, o).Copy(t.Context(), engine.Object("bbb", "k"), dst, engine.CopyOptions{})
			must(t, err)
			if sum.Ops[op].Objects != want || sum.Skipped != 1-want || sum.Failed != 0 {
				t.Errorf("%q, %s: %+v", restore, op, sum)
			}
		}
	}
}
