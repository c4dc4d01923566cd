package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

// completions are what a shell gets for a command line, and its directive.
func completions(t *testing.T, target wiretest.Target, args ...string) (offered []string, directive string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "work")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	r := runCommand(t, target, dir, append([]string{"__complete"}, args...)...).want(t, 0)
	offered = strings.Split(strings.TrimSuffix(r.stdout, "\n"), "\n")
	return offered[:len(offered)-1], offered[len(offered)-1]
}

// Buckets and keys come from the store, one level at a time.
func TestComplete(t *testing.T) {
	t.Parallel()
	sim, err := s3sim.New(s3sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	target := wiretest.Target{Endpoint: server.URL, AccessKeyID: "a", SecretAccessKey: "not to be seen", Region: "us-east-1"}
	for _, bucket := range []string{"holiday", "archive"} {
		if _, err := target.Client(t).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"2025/a.jpg", "2025/b.jpg", "2026/c.jpg", "20.txt", "bad\nname"} {
		bucket := "holiday"
		if _, err := target.Client(t).PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args string
		want []string
	}{
		{"cp s3://", []string{"s3://archive/", "s3://holiday/"}},
		{"cp s3://h", []string{"s3://holiday/"}},
		{"rb s3://h", []string{"s3://holiday"}},
		{"cp x s3://holiday/", []string{"s3://holiday/20.txt", "s3://holiday/2025/", "s3://holiday/2026/"}},
		{"rm s3://holiday/2025/", []string{"s3://holiday/2025/a.jpg", "s3://holiday/2025/b.jpg"}},
		{"rm s3://holiday/2025/ s3://", nil}, // it has one argument
		{"ls --recursive s3://holiday/2025/b", []string{"s3://holiday/2025/b.jpg"}},
		{"rm s", []string{"s3://"}},
		{"cp s3:", []string{"s3://"}},
		{"cp s3://nowhere/", nil},
		{"cp --acl aws", []string{"aws-exec-read"}},
		{"ls --client s", []string{"sdk"}},
		{"sync --checksum-algorithm SHA", []string{"SHA256", "SHA1"}},
	} {
		got, directive := completions(t, target, strings.Fields(c.args)...)
		got = slices.DeleteFunc(got, func(s string) bool { // what cobra does not sift
			return !strings.HasPrefix(s, c.args[strings.LastIndexByte(c.args, ' ')+1:])
		})
		if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(c.want))) {
			t.Errorf("%s is offered %q (%s), want %q", c.args, got, directive, c.want)
		}
	}
	// Files are the shell's own: directive 0 asks for them.
	for _, args := range [][]string{{"cp", ""}, {"sync", "a"}, {"serve", ""}} {
		if got, directive := completions(t, target, args...); len(got) > 0 || directive != ":0" {
			t.Errorf("%q is offered %q (%s), want the shell's files", args, got, directive)
		}
	}
}

// A store that does not answer offers nothing, and says nothing.
func TestCompleteInVain(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done() // as long as somebody waits
	}))
	t.Cleanup(server.Close)
	var lc net.ListenConfig
	gone, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing := "http://" + gone.Addr().String()
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	for _, endpoint := range []string{server.URL, refusing} {
		target := wiretest.Target{Endpoint: endpoint, AccessKeyID: "a", SecretAccessKey: "not to be seen", Region: "us-east-1"}
		dir := filepath.Join(t.TempDir(), "work")
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		r := runCommand(t, target, dir, "__complete", "ls", "s3://b/").want(t, 0)
		if r.stdout != ":6\n" || strings.Contains(r.stderr, "error") {
			t.Errorf("%s: stdout %q, stderr %q", endpoint, r.stdout, r.stderr)
		}
	}
	if len(asked) == 0 {
		t.Error("the store was not asked")
	}
}

// The scripts for the shells, and a manual page for each command.
func TestManual(t *testing.T) {
	t.Parallel()
	target := wiretest.Target{Endpoint: "http://127.0.0.1:1", AccessKeyID: "a", SecretAccessKey: "not to be seen", Region: "us-east-1"}
	dir := filepath.Join(t.TempDir(), "work")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if r := runCommand(t, target, dir, "completion", shell).want(t, 0); !strings.Contains(r.stdout, "__complete") {
			t.Errorf("completion %s: %s", shell, tail(r.stdout))
		}
	}
	runCommand(t, target, dir, "man", "pages/man1").want(t, 0).silent(t)
	for _, cmd := range newRoot().Commands() {
		if !cmd.IsAvailableCommand() {
			continue
		}
		page, err := os.ReadFile(filepath.Join(dir, "pages", "man1", "s3haul-"+cmd.Name()+".1"))
		if err != nil {
			t.Error(err)
			continue
		}
		if !strings.Contains(string(page), ".SH SYNOPSIS") || !strings.Contains(string(page), ".SH EXAMPLE") {
			t.Errorf("the page of %s lacks its synopsis or its example", cmd.Name())
		}
	}
	page, err := os.ReadFile(filepath.Join(dir, "pages", "man1", "s3haul-cp.1"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "cp f s3://b/d     makes the key d;"; !strings.Contains(strings.ReplaceAll(string(page), `\-`, "-"), want) {
		t.Errorf("the page of cp has not its lines as they are: %s", page)
	}
	if runtime.GOOS == "windows" {
		return
	}
	if r := runCommand(t, target, dir, "man", "/dev/null/pages").want(t, exitOther); !strings.Contains(r.stderr, "make the directory of the manual pages") {
		t.Errorf("a directory that cannot be: %s", r.stderr)
	}
	runCommand(t, target, dir, "man", "").want(t, exitUsage)
}
