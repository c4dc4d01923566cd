package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Each flag that the help shows is used in a test: in a script, which a line of help
// is not, or in a Go test of this directory.
func TestFlagsAreTested(t *testing.T) {
	t.Parallel()
	used := usedFlags(t)
	var visit func(cmd *cobra.Command)
	seen := map[string]bool{}
	visit = func(cmd *cobra.Command) {
		cmd.InitDefaultHelpFlag()
		for _, flags := range []*pflag.FlagSet{cmd.LocalFlags(), cmd.InheritedFlags()} {
			flags.VisitAll(func(f *pflag.Flag) {
				if !seen[f.Name] && !used[f.Name] {
					t.Errorf("--%s of %s is in no test", f.Name, cmd.CommandPath())
				}
				seen[f.Name] = true
			})
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(newRoot())
	if len(seen) < 100 {
		t.Errorf("%d flags were looked at: the test does not see them all", len(seen))
	}
}

// usedFlags are the flags on the lines of tests that run a command.
func usedFlags(t *testing.T) map[string]bool {
	t.Helper()
	scripts, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("there are no scripts: %v", err)
	}
	tests, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	flag := regexp.MustCompile(`(?:^|[ "'])--([a-z0-9][a-z0-9-]*)\b`)
	used := map[string]bool{}
	for _, file := range slices.Concat(scripts, tests) {
		if strings.HasPrefix(file, "argparse") || file == "docs_test.go" {
			continue // which reads flags, and does nothing with them
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if filepath.Ext(file) == ".txtar" && !strings.Contains(line, "s3haul ") || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "2>") ||
				strings.HasPrefix(line, "std") {
				continue
			}
			for _, m := range flag.FindAllStringSubmatch(line, -1) {
				used[m[1]] = true
			}
		}
	}
	return used
}
