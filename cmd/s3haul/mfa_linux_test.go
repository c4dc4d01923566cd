package main

import (
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// dialogue runs s3haul on a terminal that types answer when it is asked for a code,
// and returns the exit code and what is to be seen.
func (p *someone) dialogue(t *testing.T, stdin io.Reader, answer string, args ...string) (int, string) {
	t.Helper()
	person, tty := openTerminal(t)
	cmd := exec.CommandContext(t.Context(), "s3haul", args...)
	cmd.Dir, cmd.Env = p.home, p.environ()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 1}
	err := cmd.Start()
	_ = tty.Close()
	if err != nil {
		t.Fatal(err)
	}
	seen, asked := answered(t, person, ":mfa/me: ", answer)
	_ = cmd.Wait()
	if asked != (answer != "") {
		t.Errorf("s3haul %q: asked is %v:\n%s", args, asked, seen)
	}
	return cmd.ProcessState.ExitCode(), strings.ReplaceAll(seen, "\r\n", "\n")
}

// The code of a device is asked for on the terminal, once, whatever stdin is, and
// is not to be seen.
func TestMFA(t *testing.T) {
	t.Parallel()
	p := newSomeone(t)
	p.write(t, ".aws/config", baseKeys+"[profile mfa]\nregion = us-east-1\nrole_arn = arn:aws:iam::123456789012:role/final\nsource_profile = base\nmfa_serial = arn:aws:iam::123456789012:mfa/me\n")
	const question = "Enter MFA code for arn:aws:iam::123456789012:mfa/me: \n"
	code, seen := p.dialogue(t, strings.NewReader("streamed"), "123456\n", "cp", "-", "s3://bucket/k", "--profile", "mfa")
	if asked := p.log(); code != 0 || seen != question || asked != "AssumeRole final by AKIABASE in us-east-1 with 123456 of arn:aws:iam::123456789012:mfa/me" {
		t.Errorf("exit code %d, asked %q\n%s", code, asked, seen)
	}
	// Two clients, of two regions, are one session.
	code, seen = p.dialogue(t, nil, "654321\n", "cp", "s3://bucket/k", "s3://bucket/k2", "--source-region", "us-east-1", "--profile", "mfa", "--only-show-errors")
	if asked := p.log(); code != 0 || seen != question || strings.Count(asked, "654321") != 1 {
		t.Errorf("exit code %d, asked %q\n%s", code, asked, seen)
	}
	// No line of a file begins where it is not given.
	p.write(t, "f", "x")
	p.write(t, "jobs", "cp f s3://bucket/1\ncp f s3://bucket/2\ncp f s3://nowhere/3\n")
	code, seen = p.dialogue(t, nil, "\x03", "run", "jobs", "--profile", "mfa")
	if code != exitFailed || !strings.Contains(seen, "cancelled: ctrl-c received\n") || strings.Contains(seen, "failed") {
		t.Errorf("exit code %d\n%s", code, seen)
	}
	// Who presses the tab key is asked nothing.
	if _, seen = p.dialogue(t, nil, "", "__complete", "ls", "--profile", "mfa", "s3://bucket/"); strings.Contains(seen, "MFA") {
		t.Errorf("%s", seen)
	}
	for answer, want := range map[string]string{
		"\n":   question + "No MFA code for arn:aws:iam::123456789012:mfa/me: none was typed\n",
		"\x03": "cancelled: ctrl-c received\n",
	} {
		code, seen := p.dialogue(t, nil, answer, "ls", "--profile", "mfa")
		if asked := p.log(); code == 0 || !strings.Contains(seen, want) || asked != "" {
			t.Errorf("typed %q: exit code %d, asked %q\n%s", answer, code, asked, seen)
		}
	}
	// A session that aws keeps is taken, while it is good.
	const file = ".aws/cli/cache/63ad65c7748ffc9f90b7b45723e8cf1e53230d09.json" // of role and device, as aws names it
	k := finalKeys()
	for ends, want := range map[time.Time]int{time.Now().Add(time.Hour): 0, time.Now().Add(5 * time.Minute): exitConfig} {
		p.write(t, file, fmt.Sprintf(`{"Credentials": {"AccessKeyId": "%s", "SecretAccessKey": "%s", "SessionToken": "%s", "Expiration": "%s"}}`,
			k.id, k.secret, k.token, ends.UTC().Format("2006-01-02T15:04:05")+"UTC"))
		if r := p.run(t, nil, "ls", "s3://bucket", "--profile", "mfa"); r.code != want {
			t.Errorf("kept until %v: exit code %d\n%s", ends, r.code, r.stderr)
		}
	}
}
