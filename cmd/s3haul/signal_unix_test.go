//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

// patience bounds what must happen at all; nothing is asserted about how long it
// takes.
const patience = time.Minute

// started is a command that is under way.
type started struct {
	cmd    *exec.Cmd
	lines  *bufio.Reader // its stdout
	stderr strings.Builder
}

func start(t *testing.T, target wiretest.Target, dir string, args ...string) *started {
	t.Helper()
	s := &started{cmd: command(t, target, dir, args...)}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stderr = &s.stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.lines = bufio.NewReader(out)
	return s
}

// line reads one line of stdout.
func (s *started) line(t *testing.T) string {
	t.Helper()
	text, err := s.lines.ReadString('\n')
	if err != nil {
		_ = s.cmd.Wait()
		t.Fatalf("read a line of stdout: %v\n%s", err, tail(s.stderr.String()))
	}
	return text
}

func (s *started) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatalf("send %v: %v", sig, err)
	}
}

// end waits for the end of the command.
func (s *started) end(t *testing.T) ran {
	t.Helper()
	rest, err := io.ReadAll(s.lines)
	if err != nil {
		t.Errorf("read stdout: %v", err)
	}
	if err := s.cmd.Wait(); err != nil && s.cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return ran{s.cmd.ProcessState.ExitCode(), string(rest), s.stderr.String()}
}

// await waits until c is closed.
func await(t *testing.T, s *started, c <-chan struct{}) {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-c:
	case <-late.C:
		_ = s.cmd.Process.Kill()
		t.Fatalf("the command did not get so far: %+v", s.end(t))
	}
}

// firstLine is what a run that was interrupted says first on stderr.
func firstLine(t *testing.T, r ran, want string) {
	t.Helper()
	first, _, _ := strings.Cut(r.stderr, "\n")
	if first != want {
		t.Errorf("stderr is\n%s\nwant %q first", tail(r.stderr), want)
	}
	if strings.Contains(r.stderr, "failed") {
		t.Errorf("what was cut off is called a failure:\n%s", tail(r.stderr))
	}
}

func count(t *testing.T, client *s3.Client, bucket string) int {
	t.Helper()
	n := 0
	for p := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &bucket}); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n += len(page.Contents)
	}
	return n
}

func noUploads(t *testing.T, client *s3.Client, bucket string) {
	t.Helper()
	open, err := openUploads(t.Context(), client, bucket)
	if err != nil || len(open) > 0 {
		t.Errorf("multipart uploads are open: %q, %v", open, err)
	}
}

func manyFiles(t *testing.T) int {
	t.Helper()
	if testing.Short() {
		t.Log("-short: 300 files instead of 3000")
		return 300
	}
	return 3000
}

// Ctrl-C in the middle of many small files: what is under way ends, nothing new
// begins, and the next run does the rest.
func TestInterruptSmallFiles(t *testing.T) {
	t.Parallel()
	const size = 300
	n := manyFiles(t)
	target := wiretest.Endpoint(t)
	bucket := wiretest.Bucket(t)
	client := target.Client(t)
	dir := makeFiles(t, n, size)

	gate, slow := behindGate(t, target, n/10, puts)
	up := start(t, slow, dir, "sync", ".", "s3://"+bucket+"/p")
	await(t, up, gate.reached)
	if line := up.line(t); !strings.HasPrefix(line, "upload: ") {
		t.Errorf("the first line is %q", line)
	}
	up.signal(t, syscall.SIGINT)
	gate.open()
	firstLine(t, up.end(t).want(t, 1), "cancelled: ctrl-c received")
	noUploads(t, client, bucket)
	there := count(t, client, bucket)
	if there < n/10 || there >= n {
		t.Errorf("%d of %d objects are there", there, n)
	}
	again := runCommand(t, target, dir, "sync", ".", "s3://"+bucket+"/p").want(t, 0)
	if got := again.lines("upload: "); got != n-there {
		t.Errorf("the next run uploads %d files, want the %d that were not there", got, n-there)
	}
	runCommand(t, target, dir, "sync", ".", "s3://"+bucket+"/p", "--delete").silent(t)

	// The same on the way down.
	gate, slow = behindGate(t, target, n/10, gets)
	down := start(t, slow, dir, "sync", "s3://"+bucket+"/p", "down")
	await(t, down, gate.reached)
	if line := down.line(t); !strings.HasPrefix(line, "download: ") {
		t.Errorf("the first line is %q", line)
	}
	down.signal(t, syscall.SIGINT)
	gate.open()
	firstLine(t, down.end(t).want(t, 1), "cancelled: ctrl-c received")
	target2 := filepath.Join(dir, "down")
	have := checkFiles(t, target2, -1, size, false)
	if have < n/10 || have >= n {
		t.Errorf("%d of %d files are there", have, n)
	}
	again = runCommand(t, target, dir, "sync", "s3://"+bucket+"/p", "down").want(t, 0)
	if got := again.lines("download: "); got != n-have {
		t.Errorf("the next run downloads %d files, want the %d that were not there", got, n-have)
	}
	checkFiles(t, target2, n, size, false)
	runCommand(t, target, dir, "sync", "s3://"+bucket+"/p", "down", "--delete").silent(t)
}

// The same in the middle of one file that goes in parts. It is cut off at once,
// and with --no-resume no part stays, on neither side.
func TestInterruptLargeFile(t *testing.T) {
	t.Parallel()
	size := int64(100 << 20)
	if testing.Short() {
		t.Log("-short: 20 MiB instead of 100")
		size = 20 << 20
	}
	target := wiretest.Endpoint(t)
	bucket := wiretest.Bucket(t)
	client := target.Client(t)
	dir := t.TempDir()
	if err := fillFile(filepath.Join(dir, "src", "large"), size); err != nil {
		t.Fatal(err)
	}
	src, dst := "src", "s3://"+bucket+"/p"

	gate, slow := behindGate(t, target, 2, puts)
	up := start(t, slow, dir, "sync", src, dst, "--part-size", "5MiB", "--no-resume")
	await(t, up, gate.reached)
	open, err := openUploads(t.Context(), client, bucket)
	if err != nil || len(open) != 1 {
		t.Errorf("meanwhile the uploads are %q, %v: want one", open, err)
	}
	up.signal(t, syscall.SIGINT)
	firstLine(t, up.end(t).want(t, 1), "cancelled: ctrl-c received")
	gate.drop()
	noUploads(t, client, bucket)
	if n := count(t, client, bucket); n != 0 {
		t.Errorf("%d objects are there, want none", n)
	}
	if got := runCommand(t, target, dir, "sync", src, dst).want(t, 0).lines("upload: "); got != 1 {
		t.Errorf("the next run uploads %d files", got)
	}
	runCommand(t, target, dir, "sync", src, dst).silent(t)

	gate, slow = behindGate(t, target, 2, gets)
	down := start(t, slow, dir, "sync", dst, "down", "--part-size", "5MiB", "--no-resume")
	await(t, down, gate.reached)
	down.signal(t, syscall.SIGINT)
	firstLine(t, down.end(t).want(t, 1), "cancelled: ctrl-c received")
	gate.drop()
	eachFile(t, filepath.Join(dir, "down"), false, func(path string) error { return errors.New(path + " has a name already") })
	if got := runCommand(t, target, dir, "sync", dst, "down").want(t, 0).lines("download: "); got != 1 {
		t.Errorf("the next run downloads %d files", got)
	}
	if err := complete(filepath.Join(dir, "down", "large"), size); err != nil {
		t.Error(err)
	}
	runCommand(t, target, dir, "sync", dst, "down").silent(t)
}

// A service manager's stop is not a person's Ctrl-C.
func TestTerminate(t *testing.T) {
	t.Parallel()
	target := wiretest.Endpoint(t)
	bucket := wiretest.Bucket(t)
	dir := makeFiles(t, 100, 10)
	gate, slow := behindGate(t, target, 20, puts)
	up := start(t, slow, dir, "sync", ".", "s3://"+bucket, "--concurrency", "2")
	await(t, up, gate.reached)
	up.signal(t, syscall.SIGTERM)
	gate.open()
	firstLine(t, up.end(t).want(t, 143), "cancelled: terminated")
	there := count(t, target.Client(t), bucket)
	if got := runCommand(t, target, dir, "sync", ".", "s3://"+bucket).want(t, 0).lines("upload: "); there >= 100 || got != 100-there {
		t.Errorf("%d objects were there, and the next run uploads %d of 100", there, got)
	}
}

// Deletes come last: whoever interrupts before has lost nothing.
func TestInterruptBeforeDeletes(t *testing.T) {
	t.Parallel()
	target := wiretest.Endpoint(t)
	bucket := wiretest.Bucket(t)
	other := makeFiles(t, 5, 7)
	runCommand(t, target, other, "cp", ".", "s3://"+bucket+"/old", "--recursive").want(t, 0)
	// So many that the signal is there before the last of them.
	dir := makeFiles(t, 400, 10)
	gate, slow := behindGate(t, target, 10, puts)
	up := start(t, slow, dir, "sync", ".", "s3://"+bucket, "--delete", "--concurrency", "2")
	await(t, up, gate.reached)
	up.signal(t, syscall.SIGINT)
	gate.open()
	r := up.end(t).want(t, 1)
	firstLine(t, r, "cancelled: ctrl-c received")
	if r.lines("delete: ") != 0 {
		t.Errorf("it deleted:\n%s", tail(r.stdout))
	}
	if got := runCommand(t, target, dir, "ls", "s3://"+bucket+"/old/", "--recursive").want(t, 0).lines("20"); got != 5 {
		t.Errorf("%d objects of 5 are left", got)
	}
}

// Ctrl-C in the middle of a purge: nothing more is sent, the exit code is that of
// transfers, and the next run does it. No deletion gets through before: the
// server would still be at it when the next run begins.
func TestInterruptPurge(t *testing.T) {
	t.Parallel()
	n := manyFiles(t)
	target := wiretest.Endpoint(t)
	bucket := wiretest.Bucket(t, wiretest.Versioned())
	client := target.Client(t)
	dir := makeFiles(t, n, 10)
	url := "s3://" + bucket
	runCommand(t, target, dir, "cp", ".", url+"/p", "--recursive", "--quiet").want(t, 0)
	runCommand(t, target, dir, "cp", ".", url+"/q", "--recursive", "--quiet").want(t, 0)

	gate, slow := behindGate(t, target, 0, deletions)
	purge := start(t, slow, dir, "purge", url+"/p", "--yes")
	await(t, purge, gate.reached)
	purge.signal(t, syscall.SIGINT)
	firstLine(t, purge.end(t).want(t, 1), "cancelled: ctrl-c received")
	gate.drop()

	gate, slow = behindGate(t, target, 0, deletions)
	purge = start(t, slow, dir, "purge", url, "--yes", "--whole-bucket")
	await(t, purge, gate.reached)
	purge.signal(t, syscall.SIGTERM)
	firstLine(t, purge.end(t).want(t, 143), "cancelled: terminated")
	gate.drop()
	if left := count(t, client, bucket); left != 2*n {
		t.Errorf("%d objects are left of %d, and no deletion got through", left, 2*n)
	}

	runCommand(t, target, dir, "purge", url+"/p", "--yes").want(t, 0)
	if left := len(keysOf(t, client, bucket, "p")); left != 0 {
		t.Errorf("%d objects are left below p", left)
	}
	runCommand(t, target, dir, "purge", url, "--yes", "--whole-bucket").want(t, 0)
	if left := count(t, client, bucket); left != 0 {
		t.Errorf("%d objects are left", left)
	}
}

// Outside of transfers Ctrl-C is 130.
func TestInterruptList(t *testing.T) {
	t.Parallel()
	target := wiretest.Endpoint(t)
	bucket := wiretest.Bucket(t)
	gate, slow := behindGate(t, target, 0, lists)
	ls := start(t, slow, t.TempDir(), "ls", bucket)
	await(t, ls, gate.reached)
	ls.signal(t, syscall.SIGINT)
	r := ls.end(t).want(t, 130)
	if r.stdout != "" || r.stderr != "cancelled: ctrl-c received\n" {
		t.Errorf("it said %q and %q", r.stdout, r.stderr)
	}
}

// A second signal ends the command at once, here in the middle of the clean-up
// after the first: there is no summary any more.
func TestSecondInterrupt(t *testing.T) {
	t.Parallel()
	target := wiretest.Endpoint(t)
	bucket := wiretest.Bucket(t, wiretest.AllowUploads())
	dir := t.TempDir()
	if err := fillFile(filepath.Join(dir, "large"), 16<<20); err != nil {
		t.Fatal(err)
	}
	parts, slow := behindGate(t, target, 1, puts)
	cleaning, slow := behindGate(t, slow, 0, aborts)
	up := start(t, slow, dir, "cp", "large", "s3://"+bucket, "--part-size", "5MiB", "--no-resume")
	await(t, up, parts.reached)
	up.signal(t, syscall.SIGINT)
	await(t, up, cleaning.reached)
	up.signal(t, syscall.SIGINT)
	r := up.end(t)
	parts.open() // what waits at one gate has passed the other
	cleaning.open()
	if r.want(t, 1); r.stdout != "" || r.stderr != "cancelled: ctrl-c received\n" {
		t.Errorf("it said %q and %q", r.stdout, r.stderr)
	}
}

// A command that is killed leaves no server behind, and no file that has its
// name before it is complete; the next run does the rest.
func TestKilled(t *testing.T) {
	t.Parallel()
	const size, n = 50_000, 800
	if testing.Short() {
		t.Skip("-short: this needs more lines of output than a pipe holds")
	}
	dir := makeFiles(t, n, size)
	work := t.TempDir()
	server := filepath.Join(work, "srv")
	prefix := "s3://kill/" + strings.Repeat("a-prefix-that-makes-long-lines/", 8) + "p"
	none := wiretest.Target{Endpoint: "http://127.0.0.1:1", AccessKeyID: "x", SecretAccessKey: "x", Region: "us-east-1"}
	embedded := []string{"--embedded", server}
	up := append([]string{"sync", dir, prefix, "--make-bucket", "--quiet"}, embedded...)
	runCommand(t, none, work, up...).silent(t)

	// Of its output one line is read. It can never print the rest: when the
	// pipe is full it waits, and so it is under way when it is killed.
	sync := append([]string{"sync", prefix, "down"}, embedded...)
	down := start(t, none, work, sync...)
	down.line(t)
	pid, err := serverOf(t.Context(), down.cmd.Process.Pid)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Logf("whether the server ends is not looked at here: %v", err)
	} else if err != nil {
		t.Error(err)
	}
	down.signal(t, syscall.SIGKILL)
	if err := down.cmd.Wait(); err == nil {
		t.Error("it was killed, and ended well")
	}
	if pid != 0 {
		gone(t, pid)
	}
	have := checkFiles(t, filepath.Join(work, "down"), -1, size, true)
	if have == 0 || have >= n {
		t.Errorf("%d files of %d are there", have, n)
	}
	r := runCommand(t, none, work, sync...).want(t, 0)
	if got := r.lines("download: "); got != n-have {
		t.Errorf("the next run downloads %d files, want the %d that were not there", got, n-have)
	}
	checkFiles(t, filepath.Join(work, "down"), n, size, true)
	runCommand(t, none, work, sync...).silent(t)
}

// gone waits until a process is no more. It is no child of this one, so that
// there is nothing to wait on.
func gone(t *testing.T, pid int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Errorf("the server %d has outlived its command", pid)
			_ = syscall.Kill(pid, syscall.SIGKILL)
			return
		}
	}
}
