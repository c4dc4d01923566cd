//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

// serving is `s3haul serve` as a process.
type serving struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	stderr strings.Builder
}

func serve(t *testing.T, args ...string) *serving {
	t.Helper()
	if os.Getenv("S3HAUL_TEST_ENDPOINT") != "" {
		t.Skip("another store is tested")
	}
	s := &serving{cmd: command(t, wiretest.Target{}, t.TempDir(), append([]string{"serve"}, args...)...)}
	in, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.stdin, s.stdout = in, bufio.NewReader(out)
	s.cmd.Stderr = &s.stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

// end waits for the end and returns the exit code, and what stdout still had.
func (s *serving) end(t *testing.T) (code int, rest string) {
	t.Helper()
	text, err := io.ReadAll(s.stdout)
	if err != nil {
		t.Error(err)
	}
	_ = s.cmd.Wait()
	return s.cmd.ProcessState.ExitCode(), string(text)
}

// A server for programs: one line of JSON, any S3 client, the end of standard
// input is its end. What it keeps is there the next time.
func TestServe(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	var secret string
	for again := range 2 {
		s := serve(t, dir, "--listen", "127.0.0.1:0", "--json")
		line, err := s.stdout.ReadBytes('\n')
		if err != nil {
			t.Fatalf("%v\n%s", err, s.stderr.String())
		}
		var says struct {
			Endpoint    string `json:"endpoint"`
			Region      string `json:"region"`
			Credentials string `json:"credentials_file"`
		}
		if err := json.Unmarshal(line, &says); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		profile, err := config.LoadSharedConfigProfile(t.Context(), "default", func(o *config.LoadSharedConfigOptions) {
			o.CredentialsFiles, o.ConfigFiles = []string{says.Credentials}, []string{}
		})
		if err != nil {
			t.Fatal(err)
		}
		target := wiretest.Target{
			Endpoint: says.Endpoint, Region: says.Region,
			AccessKeyID: profile.Credentials.AccessKeyID, SecretAccessKey: profile.Credentials.SecretAccessKey,
		}
		secret = target.SecretAccessKey
		client, name := target.Client(t), "kept"
		if again == 0 {
			if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
				t.Error(err)
			}
			if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &name, Key: &name, Body: strings.NewReader("body")}); err != nil {
				t.Error(err)
			}
		}
		if out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &name, Key: &name}); err != nil {
			t.Error(err)
		} else if text, err := io.ReadAll(out.Body); err != nil || string(text) != "body" {
			t.Errorf("the object is %q, %v", text, err)
		}
		// The command itself is a client like any other.
		if got := runCommand(t, target, t.TempDir(), "ls", "s3://kept").want(t, 0); got.lines("20") != 1 {
			t.Errorf("ls says %q", got.stdout)
		}
		if err := s.stdin.Close(); err != nil {
			t.Error(err)
		}
		code, rest := s.end(t)
		if code != 0 || rest != "" || s.stderr.String() != "" {
			t.Errorf("exit code %d, and it said %q and %q", code, rest, s.stderr.String())
		}
		if strings.Contains(string(line), secret) {
			t.Error("the line has the secret in it")
		}
		if r := runCommand(t, target, t.TempDir(), "ls", "--cli-connect-timeout", "5").want(t, 255); !strings.Contains(r.stderr, "connection refused") {
			t.Errorf("after its end a client hears %q", r.stderr)
		}
	}
}

// A server for people: says what to export, and ends with Ctrl-C alone.
func TestServeInterrupted(t *testing.T) {
	t.Parallel()
	for sig, want := range map[syscall.Signal]struct {
		code int
		says string
	}{
		syscall.SIGINT:  {130, "cancelled: ctrl-c received\n"},
		syscall.SIGTERM: {143, "cancelled: terminated\n"},
	} {
		dir := filepath.Join(t.TempDir(), "data")
		s := serve(t, dir, "--listen", "127.0.0.1:0")
		if err := s.stdin.Close(); err != nil { // it is not what it waits for
			t.Error(err)
		}
		var lines []string
		for range 3 {
			line, err := s.stdout.ReadString('\n')
			if err != nil {
				t.Fatalf("%v\n%s", err, s.stderr.String())
			}
			lines = append(lines, line)
		}
		if !strings.HasPrefix(lines[0], "serving "+dir+" at http://127.0.0.1:") ||
			lines[1] != "  export AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(dir, "credentials")+"\n" ||
			!strings.HasPrefix(lines[2], "  export AWS_ENDPOINT_URL_S3=http://127.0.0.1:") {
			t.Errorf("it says %q", lines)
		}
		if err := s.cmd.Process.Signal(sig); err != nil {
			t.Error(err)
		}
		code, rest := s.end(t)
		if code != want.code || rest != "" || s.stderr.String() != want.says {
			t.Errorf("%v: exit code %d, and it said %q and %q", sig, code, rest, s.stderr.String())
		}
	}
}
