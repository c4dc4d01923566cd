package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

const module = "github.com/s3haul/s3haul/"

// Prepare makes the directories that a Runner needs in dir, and compiles the
// module's packages as people have them. The programs' paths are by their names;
// each package is told to say before it is built.
func Prepare(ctx context.Context, dir string, say func(format string, args ...any), packages ...string) (map[string]string, error) {
	for _, sub := range []string{"bin", "home", "runs"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o777); err != nil {
			return nil, err
		}
	}
	programs := map[string]string{}
	for _, pkg := range packages {
		say("building %s", pkg)
		path, err := build(ctx, pkg, filepath.Join(dir, "bin"))
		if err != nil {
			return nil, err
		}
		programs[filepath.Base(pkg)] = path
	}
	return programs, nil
}

func build(ctx context.Context, pkg, dir string) (string, error) {
	path := filepath.Join(dir, filepath.Base(pkg))
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	out, err := exec.CommandContext(ctx, "go", "build", "-o", path, module+pkg).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", pkg, err, strings.TrimSpace(string(out)))
	}
	return path, nil
}
