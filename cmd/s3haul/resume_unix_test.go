//go:build unix

package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

// A command that is killed, or interrupted, in the middle of a large file: resume
// lists it, and the same command goes on. What it had moved is not moved again,
// and nothing is left.
func TestResumeLargeFile(t *testing.T) {
	t.Parallel()
	const size = 42 << 20
	for name, sig := range map[string]syscall.Signal{"kill": syscall.SIGKILL, "interrupt": syscall.SIGINT} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := wiretest.Endpoint(t)
			bucket := wiretest.Bucket(t)
			dir := t.TempDir()
			if err := fillFile(filepath.Join(dir, "src", "large"), size); err != nil {
				t.Fatal(err)
			}
			dst := "s3://" + bucket + "/p"
			// Four requests get through; the others wait until it is over.
			interrupted := func(at wiretest.Target, held *gate, args ...string) {
				t.Helper()
				s := start(t, at, dir, args...)
				await(t, s, held.reached)
				s.signal(t, sig)
				if r := s.end(t); sig == syscall.SIGINT {
					r.want(t, 1)
				}
				held.lift()
			}
			goesOn := func(at wiretest.Target, what string, args ...string) {
				t.Helper()
				list := runCommand(t, at, dir, "resume").want(t, 0)
				if !strings.Contains(list.stdout, "\n  1 object (42 MiB), 1 "+what+"; the same command goes on with it\n") {
					t.Errorf("resume says\n%s\n%s", list.stdout, list.stderr)
				}
				r := runCommand(t, at, dir, args...).want(t, 0)
				if !regexp.MustCompile(`resumed [0-9.]+ MiB of an interrupted run`).MatchString(r.stderr) {
					t.Errorf("it has begun anew:\n%s", r.stderr)
				}
				runCommand(t, at, dir, args...).silent(t)
				runCommand(t, at, dir, "resume").silent(t)
			}
			up := []string{"sync", "src", dst, "--part-size", "5MiB", "--concurrency", "2"}
			held, at := behindGate(t, target, 4, puts)
			interrupted(at, held, up...)
			goesOn(at, "open upload", up...)
			noUploads(t, target.Client(t), bucket)

			down := []string{"sync", dst, "down", "--part-size", "5MiB", "--concurrency", "2"}
			held, at = behindGate(t, target, 4, gets)
			interrupted(at, held, down...)
			goesOn(at, "temporary file", down...)
			if err := complete(filepath.Join(dir, "down", "large"), size); err != nil {
				t.Error(err)
			}
			eachFile(t, filepath.Join(dir, "down"), false, func(string) error { return nil })
		})
	}
}

// The report of a run that was ended has what happened until then, under its
// name, or after a kill with ".partial" behind it.
func TestReportOfAnInterruptedRun(t *testing.T) {
	t.Parallel()
	for name, sig := range map[string]syscall.Signal{"kill": syscall.SIGKILL, "interrupt": syscall.SIGINT} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := wiretest.Endpoint(t)
			bucket := wiretest.Bucket(t)
			dir := makeFiles(t, 300, 10)
			out := t.TempDir()
			file := filepath.Join(out, "r")
			held, at := behindGate(t, target, 30, puts)
			args := []string{"sync", ".", "s3://" + bucket, "--concurrency", "2"}
			s := start(t, at, dir, append(args, "--report", file)...)
			await(t, s, held.reached)
			s.signal(t, sig)
			held.lift()
			s.end(t)
			left := file
			if sig == syscall.SIGKILL {
				left += ".partial"
				if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("it has its name already: %v", err)
				}
			}
			text := contents(t, left)
			if !strings.HasPrefix(text, `{"v":1,"event":"report","op":"sync","src":"`+dir+`","dst":"s3://`+bucket+`/"}`+"\n") {
				t.Errorf("it begins with\n%.200s", text)
			}
			if ended := strings.Contains(text, `"message":"cancelled: ctrl-c received","fatal":true}`+"\n"+`{"v":1,"event":"summary","exit":1,`); ended != (sig == syscall.SIGINT) {
				t.Errorf("it ends with\n%s", tail(text))
			}
			r := runCommand(t, at, dir, append(args, "--retry-failed", left)...).want(t, 1)
			if !strings.Contains(r.stderr, "was ended before its end: the same command without --retry-failed does the rest") || r.stdout != "" {
				t.Errorf("it says\n%s\n%s", r.stdout, r.stderr)
			}
			runCommand(t, at, dir, append(args, "--report", file, "--quiet")...).want(t, 0)
			if files, err := os.ReadDir(out); err != nil || len(files) != 1 {
				t.Errorf("left over: %v, %v", files, err)
			}
		})
	}
}
