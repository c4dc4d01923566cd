package main

import (
	"context"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/s3haul/s3haul/bench/s3sim"
)

// store starts a simulator and points the environment at it.
func store(t *testing.T, o s3sim.Options, tls bool) *s3sim.Server {
	t.Helper()
	o.VerifySignatures = true
	server, err := s3sim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	e, err := server.Listen("127.0.0.1:0", tls)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	ca := ""
	if tls {
		ca = filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(ca, e.CA(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": e.URL, "AWS_REGION": s3sim.DefaultRegion, "AWS_CA_BUNDLE": ca,
		"AWS_ACCESS_KEY_ID": s3sim.DefaultAccessKeyID, "AWS_SECRET_ACCESS_KEY": s3sim.DefaultSecretAccessKey,
	} {
		t.Setenv(name, value)
	}
	c, err := newClient(os.Getenv, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.http.CloseIdleConnections()
	if _, err := c.send(t.Context(), http.MethodPut, "tests", "", nil, nil, nil); err != nil {
		t.Fatal(err)
	}
	return server
}

// tree makes small files and one of three parts.
func tree(t *testing.T) map[string]string {
	t.Helper()
	rng := rand.NewChaCha8([32]byte{})
	files := map[string]string{}
	for name, size := range map[string]int{"a b/+ä%~": 4096, "a b/2": 1, "empty": 0, "large": 2*partSize + 12345} {
		p := make([]byte, size)
		_, _ = rng.Read(p)
		files[name] = string(p)
	}
	return files
}

func TestUpAndDown(t *testing.T) {
	for _, tls := range []bool{false, true} {
		server := store(t, s3sim.Options{KeepBodies: 32 << 20}, tls)
		from, to := t.TempDir()+"/", t.TempDir()+"/new/"
		files := tree(t)
		for name, text := range files {
			if err := os.MkdirAll(filepath.Dir(from+name), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(from+name, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		server.ResetStats()
		if err := floor(t.Context(), []string{"up", from, "tests", "p/"}, io.Discard); err != nil {
			t.Fatal(err)
		}
		ops := server.Stats().Ops
		if ops["PutObject"] != 3 || ops["UploadPart"] != 3 || ops["CompleteMultipartUpload"] != 1 {
			t.Errorf("%v", ops)
		}
		server.ResetStats()
		if err := floor(t.Context(), []string{"down", to, "tests", "p/"}, io.Discard); err != nil {
			t.Fatal(err)
		}
		if ops := server.Stats().Ops; ops["GetObject"] != 3+3 || ops["HeadObject"] != 1 || ops["ListObjectsV2"] != 1 {
			t.Errorf("%v", ops)
		}
		for name, want := range files {
			if got, err := os.ReadFile(to + name); err != nil || string(got) != want {
				t.Errorf("%s: %d bytes of %d: %v", name, len(got), len(want), err)
			}
		}
		// One file each way.
		if err := floor(t.Context(), []string{"up", from + "large", "tests", "one"}, io.Discard); err != nil {
			t.Fatal(err)
		}
		if err := floor(t.Context(), []string{"down", to + "one", "tests", "one"}, io.Discard); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(to + "one"); err != nil || string(got) != files["large"] {
			t.Errorf("one: %d bytes: %v", len(got), err)
		}
	}
}

// No more files than there are workers are under way, and with many there are more.
func TestWorkers(t *testing.T) {
	server := store(t, s3sim.Options{Conditions: s3sim.Conditions{Latency: s3sim.Latency{Median: 20 * time.Millisecond}}}, false)
	dir := t.TempDir() + "/"
	for i := range 20 {
		if err := os.WriteFile(fmt.Sprint(dir, i), []byte("x"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for workers, want := range map[string]int64{"1": 1, "7": 7, "99": 20} {
		for _, what := range []string{"up", "down"} {
			server.ResetStats()
			if err := floor(t.Context(), []string{"--workers", workers, what, dir, "tests", "p/"}, io.Discard); err != nil {
				t.Fatal(err)
			}
			if n := server.Stats().MaxInFlight; n > want || n < min(want, 2) {
				t.Errorf("%s with %s workers: %d at a time", what, workers, n)
			}
		}
	}
}

// It retries nothing, but it does not call a failure a success.
func TestFailures(t *testing.T) {
	for _, c := range []struct{ fault, want string }{
		{"GetObject:corrupt:n=1,every=1", "CRC64NVME"},
		{"GetObject:cut:n=1,every=1", "EOF"},
		{"GetObject:500:n=1", "500"},
		{"PutObject:503:n=2", "503"},
		{"UploadPart:500:n=1", "500"},
		{"CompleteMultipartUpload:error-200:n=1", "completing"},
	} {
		fault, err := s3sim.ParseFault(c.fault)
		if err != nil {
			t.Fatal(err)
		}
		store(t, s3sim.Options{KeepBodies: 32 << 20, Conditions: s3sim.Conditions{Faults: []s3sim.Fault{fault}}}, false)
		dir := t.TempDir() + "/"
		for name, text := range tree(t) {
			if err := os.WriteFile(dir+filepath.Base(name), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		err = floor(t.Context(), []string{"up", dir, "tests", ""}, io.Discard)
		if err == nil {
			err = floor(t.Context(), []string{"down", t.TempDir() + "/", "tests", ""}, io.Discard)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.fault, err)
		}
	}
}

// Every entry of every range comes once, and the store sees no more pages than
// there have to be.
func TestList(t *testing.T) {
	for _, c := range []struct {
		keys, workers string
		versions      bool
		count         string
		pages         int64
	}{
		{"flat:10000:1KiB", "4", false, "10000", 12},
		{"dates:2500", "1", false, "2500", 3},
		{"hex:3", "64", false, "3", 3},
		{"flat:0", "64", false, "0", 0},
		{"flat:2000:1KiB:5", "4", true, "10000", 12},
		{"hex:1001:1KiB:3", "1", true, "3003", 4},
		{"dirs:1001", "1", true, "1001", 2},
	} {
		keys, err := s3sim.ParseSynthetic("many=" + c.keys)
		if err != nil {
			t.Fatal(err)
		}
		server := store(t, s3sim.Options{Synthetic: []s3sim.Synthetic{keys}}, false)
		server.ResetStats()
		args := []string{"--workers", c.workers, "list", "many", c.keys}
		op := "ListObjectsV2"
		if c.versions {
			args, op = append([]string{"--versions"}, args...), "ListObjectVersions"
		}
		var stdout strings.Builder
		if err := floor(t.Context(), args, &stdout); err != nil || stdout.String() != c.count+"\n" {
			t.Errorf("%v: %q, %v", args, stdout.String(), err)
		}
		if ops := server.Stats().Ops; ops[op] != c.pages {
			t.Errorf("%v: %v", args, ops)
		}
		// Keys that are not the ones it was told of.
		server.ResetStats()
		args[len(args)-1] = "dirs:7000:0:7"
		if err := floor(t.Context(), args, &stdout); err == nil {
			t.Errorf("%v was taken for %s", args, c.keys)
		}
	}
}

func TestUsage(t *testing.T) {
	if code := run([]string{"up"}, io.Discard); code != 1 {
		t.Errorf("%d", code)
	}
	for _, args := range [][]string{{"--workers", "0", "up", "x", "b", "k"}, {"--workers"}, {"--threads", "1"}, {}, {"list", "b"}, {"--versions", "up", "x", "b", "k"}} {
		if err := floor(t.Context(), args, io.Discard); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	t.Setenv("AWS_REGION", "")
	if err := floor(t.Context(), []string{"up", "x", "b", "k"}, io.Discard); err == nil || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("%v", err)
	}
	t.Setenv("AWS_REGION", "r")
	if err := floor(t.Context(), []string{"side", "x", "b", "k"}, io.Discard); err == nil || !strings.Contains(err.Error(), "side") {
		t.Errorf("%v", err)
	}
	if err := floor(t.Context(), []string{"list", "b", "round:5"}, io.Discard); err == nil || !strings.Contains(err.Error(), "round") {
		t.Errorf("%v", err)
	}
	t.Setenv("AWS_CA_BUNDLE", filepath.Join(t.TempDir(), "none"))
	if err := floor(t.Context(), []string{"up", "x", "b", "k"}, io.Discard); err == nil {
		t.Error("a bundle that is not there was taken")
	}
}

// The loop is to be what one writes without the engine.
func TestImports(t *testing.T) {
	sources, err := filepath.Glob("*.go")
	if err != nil || len(sources) < 4 {
		t.Fatal(sources, err)
	}
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range file.Imports {
			path := strings.Trim(i.Path.Value, `"`)
			if rest, ours := strings.CutPrefix(path, "github.com/s3haul/s3haul/"); ours && rest != "engine/checksum" && rest != "bench/s3sim" {
				t.Errorf("%s imports %s", source, rest)
			}
		}
	}
}
