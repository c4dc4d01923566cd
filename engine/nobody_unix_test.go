//go:build unix

package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
)

// somebodyDir and somebodyURL tell a copy of this binary what to sync, and where to.
const (
	somebodyDir = "S3HAUL_TEST_SYNC_DIR"
	somebodyURL = "S3HAUL_TEST_SYNC_URL"
)

// syncAsSomebody is the life of a copy of this binary that runs as another user.
func syncAsSomebody() bool {
	dir := os.Getenv(somebodyDir)
	if dir == "" {
		return false
	}
	if err := printSync(os.Stdout, os.Getenv(somebodyURL), dir); err != nil {
		fmt.Fprintln(os.Stdout, err)
	}
	return true
}

// printSync syncs dir with Delete, and writes down what became of it.
func printSync(out io.Writer, url, dir string) error {
	ctx := context.Background()
	eng, err := engine.New(ctx, engine.Options{
		EndpointURL: url, AccessKeyID: s3sim.DefaultAccessKeyID, SecretAccessKey: s3sim.DefaultSecretAccessKey,
	})
	if err != nil {
		return err
	}
	sink := &recorder{}
	sum, err := eng.Sync(ctx, engine.Dir(dir), engine.Bucket("sim", ""), engine.SyncOptions{Delete: true, RunOptions: engine.RunOptions{Report: sink}})
	_, werr := fmt.Fprintf(out, "%v exit %d failed %q skipped %q deleted %q held %d\n", err, sum.Exit(),
		sink.keys(report.Failed), sink.keys(report.Warning), sink.keys(report.Done, report.Delete), sum.Held)
	return errors.Join(werr, eng.Close())
}

// A directory that cannot be read holds all deletes and the run fails; a file that
// cannot be read keeps its copy alone.
func TestUnreadableNamesAndDeletes(t *testing.T) {
	for mode, c := range map[string]struct{ unreadable, want string }{
		"directory": {"d", `<nil> exit 1 failed ["d/"] skipped [] deleted [] held 1`},
		"file":      {"f", `<nil> exit 2 failed [] skipped ["f"] deleted ["d/gone" "x"] held 0`},
	} {
		t.Run(mode, func(t *testing.T) {
			if mode == "file" && runtime.GOOS != "linux" {
				t.Skip("that a file cannot be read shows when it is opened, and fails it")
			}
			s := simulate(t, s3sim.Options{VerifySignatures: true, KeepBodies: 1 << 20})
			eng := newEngine(t, s.options())
			must(t, eng.MakeBucket(t.Context(), "sim"))
			there := tree{"a": "1", "d/b": "1", "d/gone": "1", "f": "1", "x": "1"}.write(t, t.TempDir())
			sum, err := eng.Sync(t.Context(), engine.Dir(there), engine.Bucket("sim", ""), engine.SyncOptions{})
			whole(t, sum, err)

			home, err := os.MkdirTemp("", "sync") //nolint:usetesting // another user has to get through to it
			must(t, err)
			dir := tree{"a": "1", "d/b": "1", "f": "1"}.write(t, filepath.Join(home, "dir"))
			t.Cleanup(func() {
				_ = os.Chmod(filepath.Join(dir, "d"), 0o700) // where it is the file, it is so
				must(t, os.RemoveAll(home))
			})
			must(t, os.Chmod(home, 0o755))
			must(t, os.Chmod(filepath.Join(dir, c.unreadable), 0))
			if got := syncAsNobody(t, home, s.URL, dir); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// syncAsNobody is printSync as a user to whom the modes of files mean something.
func syncAsNobody(t *testing.T, home, url, dir string) string {
	t.Helper()
	var out strings.Builder
	if os.Geteuid() != 0 {
		must(t, printSync(&out, url, dir))
		return strings.TrimSpace(out.String())
	}
	const nobody = 65534
	self, err := os.Executable()
	must(t, err)
	binary, err := os.ReadFile(self)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(home, "test"), binary, 0o755))
	must(t, os.Chmod(filepath.Join(home, "test"), 0o755))
	cmd := exec.CommandContext(t.Context(), filepath.Join(home, "test"))
	cmd.Dir = home
	cmd.Env = []string{somebodyDir + "=" + dir, somebodyURL + "=" + url}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Skipf("nothing can be run as another user here: %v", err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	return strings.TrimSpace(out.String())
}
