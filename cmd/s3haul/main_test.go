package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/s3haul/s3haul/cmd/s3haul/internal/gateway"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

func TestMain(m *testing.M) {
	// The test binary plays the command, and so the command's server.
	if code, child := gateway.ChildMain(); child {
		os.Exit(code)
	}
	// Under the race detector each command would sleep a second before it exits.
	if err := os.Setenv("GORACE", strings.TrimSpace(os.Getenv("GORACE")+" atexit_sleep_ms=0")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	testscript.Main(withServer{m}, map[string]func(){"s3haul": mainWithClient})
}

// mainWithClient is main, with --client sdk where the tests are to run with it.
func mainWithClient() {
	if wiretest.SDK() && len(os.Args) > 1 && slices.Contains([]string{"sync", "cp", "mv", "verify", "rm", "ls", "mb", "rb", "du", "purge", "undelete", "uploads", "stat", "class", "presign", "website"}, os.Args[1]) {
		os.Args = slices.Insert(os.Args, 2, "--client=sdk")
	}
	main()
}

// withServer runs the tests inside of wiretest.Main, and that inside of
// testscript.Main, which puts the command into PATH and never returns.
type withServer struct{ m wiretest.Runner }

func (w withServer) Run() int { return wiretest.Main(w.m) }

// environ is the environment of a command: nothing of the person's who runs the
// tests but where programs are, and the target as AWS variables have it.
func environ(target wiretest.Target, home string) []string {
	env := make([]string, 0, 32)
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		switch up := strings.ToUpper(name); {
		case strings.HasPrefix(up, "AWS_"), strings.HasSuffix(up, "_PROXY"), strings.HasPrefix(up, "XDG_"), up == "HOME", up == "USERPROFILE":
		default:
			env = append(env, kv)
		}
	}
	return append(env, variables(target, home)...)
}

// variables is what a command has to know.
func variables(target wiretest.Target, home string) []string {
	vars := []string{
		"HOME=" + home,
		"USERPROFILE=" + home,
		"TZ=UTC",
		"AWS_CONFIG_FILE=" + filepath.Join(home, "config"),
		"AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(home, "credentials"),
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_ENDPOINT_URL_S3=" + target.Endpoint,
		"AWS_ACCESS_KEY_ID=" + target.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + target.SecretAccessKey,
		"AWS_REGION=" + target.Region,
		wiretest.ClientVariable + "=" + os.Getenv(wiretest.ClientVariable),
	}
	if target.SessionToken != "" {
		vars = append(vars, "AWS_SESSION_TOKEN="+target.SessionToken)
	}
	return vars
}

// command is s3haul as a process, in dir, which is a t.TempDir.
func command(t *testing.T, target wiretest.Target, dir string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "s3haul", args...)
	cmd.Dir = dir
	home := filepath.Join(filepath.Dir(dir), "home") // one for all commands there: the journals are in it
	if err := os.MkdirAll(home, 0o777); err != nil {
		t.Fatal(err)
	}
	cmd.Env = environ(target, home)
	return cmd
}

// ran is what a command came to.
type ran struct {
	code           int
	stdout, stderr string
}

// runCommand runs s3haul to its end.
func runCommand(t *testing.T, target wiretest.Target, dir string, args ...string) ran {
	t.Helper()
	var stdout, stderr strings.Builder
	cmd := command(t, target, dir, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatalf("s3haul %q: %v", args, err)
	}
	r := ran{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	if secret := target.SecretAccessKey; len(secret) > 1 && strings.Contains(r.stdout+r.stderr, secret) {
		t.Error("the secret access key was printed")
	}
	return r
}

// lines counts the lines that begin with prefix.
func (r ran) lines(prefix string) int {
	return strings.Count("\n"+r.stdout, "\n"+prefix)
}

// want requires an exit code.
func (r ran) want(t *testing.T, code int) ran {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit code %d, want %d\n%s\n%s", r.code, code, tail(r.stdout), tail(r.stderr))
	}
	return r
}

// silent requires that nothing was to be done.
func (r ran) silent(t *testing.T) {
	t.Helper()
	if r.want(t, 0); r.stdout != "" || r.stderr != "" {
		t.Errorf("there was nothing to do, and it said\n%s\n%s", tail(r.stdout), tail(r.stderr))
	}
}

// tail keeps a failure readable where there are thousands of lines.
func tail(s string) string {
	const most = 2000
	if len(s) > most {
		return "…" + s[len(s)-most:]
	}
	return s
}
