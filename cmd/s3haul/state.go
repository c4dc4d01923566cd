package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// errNoHome is why no journal is kept.
var errNoHome = errors.New("there is no home directory to keep a journal in, so that a large object whose transfer is interrupted begins anew: " +
	"set HOME or XDG_STATE_HOME, or give --no-resume")

// stateDir is the directory of the journals: $XDG_STATE_HOME/s3haul, or else
// ~/.local/state/s3haul, on macOS too; on Windows %LocalAppData%\s3haul\state
// (https://specifications.freedesktop.org/basedir-spec/latest/).
func stateDir() (string, error) {
	// What is relative is to be ignored.
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "s3haul"), nil
	}
	if runtime.GOOS == "windows" {
		if dir := os.Getenv("LocalAppData"); filepath.IsAbs(dir) {
			return filepath.Join(dir, "s3haul", "state"), nil
		}
		return "", errNoHome
	}
	home, err := os.UserHomeDir()
	if err != nil || !filepath.IsAbs(home) {
		return "", errNoHome
	}
	return filepath.Join(home, ".local", "state", "s3haul"), nil
}

// journal says where the engine keeps its journals, where t is of a command that
// has any, and what there is to say of it. It leaves them out of the local trees
// among paths, whether this run keeps one or not.
func (a *app) journal(t *transferFlags, paths []string) []string {
	dir, err := stateDir()
	if s := t.copying.sides; err == nil && (s == nil || s.tree) {
		for _, path := range paths {
			t.rules = append(t.rules, without(path, dir)...)
		}
	}
	if t.copying.sides == nil || t.copying.noResume {
		return nil
	}
	if err != nil {
		return []string{err.Error()}
	}
	a.stateDir = dir
	return nil
}

// without leaves the journals out of a tree that they are in: they change while
// it is copied, and are nothing that a copy of it has.
func without(tree, dir string) rules {
	rel, err := filepath.Rel(resolve(tree), resolve(dir))
	if err != nil || !filepath.IsLocal(rel) || rel == "." {
		return nil
	}
	special := strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]")
	return rules{{Pattern: special.Replace(filepath.ToSlash(rel)) + "/*"}}
}
