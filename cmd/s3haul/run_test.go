package main

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"

	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/wire"
)

// An error that all lines would have ends them, is told once, and what is left is.
func TestRunEnds(t *testing.T) {
	t.Parallel()
	p := newSomeone(t)
	p.write(t, "f", "x")
	p.sim.Rotate("ASIANEXT", "s", "t") // the keys have ended
	const lines = 2000
	var jobs strings.Builder
	for i := range lines {
		fmt.Fprintf(&jobs, "cp f s3://bucket/%d\n", i)
	}
	p.write(t, "jobs", jobs.String())
	r := p.run(t, keyed("AWS_REGION=us-east-1"), "run", "jobs")
	want := regexp.MustCompile(`(?m)^fatal error: An error occurred \(ExpiredToken\).*\n  request [^:]+: [1-9]\d* of 2000 lines were not begun(, and \d+ were not brought to their end)?; the session has ended: log in again$`)
	if r.code != exitFailed || r.stdout != "" || !want.MatchString(r.stderr) || strings.Count(r.stderr, "upload failed: ") != 1 {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	// The last one has nothing behind it.
	p.write(t, "jobs", "cp f s3://bucket/1\n")
	if r := p.run(t, keyed("AWS_REGION=us-east-1"), "run", "jobs"); r.code != exitFailed || strings.Contains(r.stderr, "fatal") {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

// What a line's failure says is said as that of a command is: without what a
// credential_process has printed, and without a signature.
func TestFailureOfLine(t *testing.T) {
	t.Parallel()
	process := &processcreds.ProviderError{Err: fmt.Errorf("error in credential_process: %w", &exec.ExitError{Stderr: []byte("secret")})}
	for want, err := range map[string]error{
		"Error when retrieving credentials from custom-process: ": fmt.Errorf("operation error S3: PutObject, secret: %w", process),
		"Could not connect to the endpoint URL: ": &url.Error{
			Op: "Put", URL: "https://store.example/k?X-Amz-Signature=secret", Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED},
		},
	} {
		var got report.Problem
		b := &batch{name: "jobs", end: func(error) {}}
		sink := told(func(e report.Event) { got = report.Explain(advise(e.Err)) })
		var failed atomic.Bool
		ofLine{sink, b, line{7, ""}, &failed}.Report(report.Event{Kind: report.Failed, Err: err})
		if !strings.HasPrefix(got.Message, want) || strings.Contains(got.Message+got.Advice, "secret") || !strings.HasPrefix(got.Advice, "line 7 of jobs; ") || !failed.Load() {
			t.Errorf("%q, %q\nwant %q", got.Message, got.Advice, want)
		}
	}
}

// Ctrl-C at the question for a code, which comes once more where a session ends,
// ends all lines.
func TestRunInterrupted(t *testing.T) {
	t.Parallel()
	var why error
	b := &batch{end: func(err error) { why = err }, lines: make([]line, 9)}
	asked := &wire.CredentialsError{Err: fmt.Errorf("reading it: %w", &errInterrupted{os.Interrupt})}
	if !b.ends(fmt.Errorf("upload: %w", asked)) || codeOf(why, asOther) != exitInterrupted {
		t.Errorf("ended by %v", why)
	}
	var notices []string
	sink := told(func(e report.Event) { notices = append(notices, e.Err.Error()) })
	if err := b.left(why, 5, 2, sink); err != why || fmt.Sprint(notices) != "[5 of 9 lines were not begun, and 2 were not brought to their end]" { //nolint:errorlint // that very one
		t.Errorf("%v, %q", err, notices)
	}
}

// told is a function as a report.Sink.
type told func(report.Event)

// Report implements report.Sink.
func (f told) Report(e report.Event) { f(e) }
