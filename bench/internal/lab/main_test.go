package lab_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/s3haul/s3haul/bench/internal/lab"
)

func TestChosen(t *testing.T) {
	all := []string{"list", "list-hex", "small-up", "listless"}
	self := func(s string) string { return s }
	for _, c := range []struct {
		names, want []string
	}{
		{nil, all},
		{[]string{"list"}, []string{"list", "list-hex"}},
		{[]string{"small-up", "list-hex"}, []string{"list-hex", "small-up"}},
	} {
		if got, err := lab.Chosen("work", all, self, c.names); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, %v", c.names, got, err)
		}
	}
	_, err := lab.Chosen("work", all, self, []string{"smal", "list", "x"})
	if err == nil || !strings.Contains(err.Error(), `no work "smal"`) || !strings.Contains(err.Error(), `no work "x"`) {
		t.Errorf("%v", err)
	}
}

func TestExitCode(t *testing.T) {
	wrong, broken := errors.New("wrong"), errors.New("broken")
	for _, c := range []struct {
		parse, do error
		content   bool
		want      int
		says      string
	}{
		{nil, nil, true, 0, ""},
		{nil, nil, false, 1, ""},
		{nil, broken, true, 1, "name: broken\n"},
		{wrong, nil, true, 2, "name: wrong\n"},
		{pflag.ErrHelp, nil, true, 0, ""},
	} {
		var stderr strings.Builder
		done := false
		code := lab.Main("name", []string{"arg"}, &stderr,
			func(args []string, _ io.Writer) (string, error) { return args[0], c.parse },
			func(_ context.Context, o string) (bool, error) {
				done = o == "arg"
				return c.content, c.do
			})
		if code != c.want || stderr.String() != c.says || done != (c.parse == nil) {
			t.Errorf("%+v: %d, %q", c, code, stderr.String())
		}
	}
}

// What a listing prints goes to who checks it, and to no file.
func TestUnkept(t *testing.T) {
	dir := t.TempDir()
	programs, err := lab.Prepare(t.Context(), dir, t.Logf, "bench/compare/measure", "bench/s3sim/cmd/s3sim")
	if err != nil {
		t.Fatal(err)
	}
	compiler, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	runner := lab.Runner{Dir: dir, Measurer: programs["measure"], Timeout: time.Minute}
	for _, unkept := range []bool{false, true} {
		var out strings.Builder
		_, err := runner.Run(t.Context(), lab.Command{Name: "go", Path: compiler, Args: []string{"version"}, Stdout: &out, Unkept: unkept})
		if err != nil || !strings.Contains(out.String(), "go version") {
			t.Errorf("%q, %v", out.String(), err)
		}
		kept, err := os.ReadFile(runner.Stdout())
		if want := out.String(); err != nil || string(kept) != want && !unkept || unkept && len(kept) > 0 {
			t.Errorf("unkept %v: %q, %v", unkept, kept, err)
		}
	}
	// A simulator's own processor time is told when it has ended.
	store, err := lab.Simulator{Program: programs["s3sim"], Bucket: "some", Dir: filepath.Join(dir, "home")}.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil || store.CPU <= 0 {
		t.Errorf("%v s, %v", store.CPU, err)
	}
}
