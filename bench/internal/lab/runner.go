package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Usage is what one run of a program took.
type Usage struct {
	Wall    float64 `json:"wall_seconds"`
	User    float64 `json:"user_seconds"`
	System  float64 `json:"system_seconds"`
	PeakRSS int64   `json:"peak_rss_bytes"` // 0 where the system does not tell
}

// Runner runs programs, one at a time.
type Runner struct {
	Dir      string        // that Prepare has made
	Measurer string        // bench/compare/measure, built
	Timeout  time.Duration // of one run
}

// Command is a program to run.
type Command struct {
	Name string // for people
	Path string
	Args []string
	Env  []string // beyond what every program has
	// Stdin is piped into the program; nil: it has none. Not on Windows.
	Stdin io.Reader
	// Stdout and Stderr get the output while it comes; may be nil.
	Stdout, Stderr io.Writer
	// Unkept: Stdout alone gets it, and no file.
	Unkept bool
}

// Stdout is the file that the standard output of the last run is in.
func (r Runner) Stdout() string { return filepath.Join(r.Dir, "runs", "stdout") }

// ErrExit is of a program that ended by itself, and not with success.
var ErrExit = errors.New("exit code")

// Run runs the program once, and fails where it does; the error has the end of
// what it said. With ErrExit there is a Usage nevertheless.
func (r Runner) Run(ctx context.Context, c Command) (Usage, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.Timeout, fmt.Errorf("%s was not done within %v", c.Name, r.Timeout))
	defer cancel()
	at := func(name string) string { return filepath.Join(r.Dir, "runs", name) }
	stdout, err := os.Create(r.Stdout())
	if err != nil {
		return Usage{}, err
	}
	defer stdout.Close()
	stderr, err := os.Create(at("stderr"))
	if err != nil {
		return Usage{}, err
	}
	defer stderr.Close()
	cmd := exec.CommandContext(ctx, r.Measurer, append([]string{at("result"), c.Path}, c.Args...)...)
	cmd.Stdout, cmd.Stderr = both(stdout, c.Stdout), both(stderr, c.Stderr)
	if c.Unkept {
		cmd.Stdout = c.Stdout
	}
	cmd.Dir = filepath.Join(r.Dir, "home")
	cmd.Env = append(r.Environment(), c.Env...)
	// Its end tells the measurer that nobody waits any more; Run closes it.
	if _, err := cmd.StdinPipe(); err != nil {
		return Usage{}, err
	}
	if c.Stdin != nil {
		wait, err := piped(cmd, c.Stdin)
		if err != nil {
			return Usage{}, err
		}
		defer wait()
	}
	// The measurer ends its child before itself.
	cmd.Cancel = func() error {
		if runtime.GOOS == "windows" {
			return cmd.Process.Kill()
		}
		return cmd.Process.Signal(os.Interrupt)
	}
	cmd.WaitDelay = 10 * time.Second
	failed := func(why error) error {
		return fmt.Errorf("%s %s: %w%s", c.Name, strings.Join(c.Args, " "), why, lastLines(stdout.Name(), stderr.Name()))
	}
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return Usage{}, failed(err)
	}
	text, err := os.ReadFile(at("result"))
	if err != nil {
		return Usage{}, err
	}
	var result struct {
		Usage
		Exit int `json:"exit"`
	}
	if err := json.Unmarshal(text, &result); err != nil {
		return Usage{}, fmt.Errorf("the figures of %s: %w", c.Name, err)
	}
	if result.Exit != 0 {
		return result.Usage, failed(fmt.Errorf("%w %d", ErrExit, result.Exit))
	}
	return result.Usage, nil
}

// piped gives the program of a measurer a standard input: that of the measurer is
// another thing. The function that comes back waits until nothing reads any more; the
// measurer must have ended.
func piped(cmd *exec.Cmd, from io.Reader) (wait func(), err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.ExtraFiles = []*os.File{r} // file 3
	cmd.Env = append(cmd.Env, "MEASURE_STDIN=3")
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(w, from) // what was not read, the program has not wanted
		_ = w.Close()
	}()
	return func() {
		_ = r.Close()
		<-done
	}, nil
}

// both is the file alone where there is no other: a program writes to it itself
// then.
func both(file *os.File, other io.Writer) io.Writer {
	if other == nil {
		return file
	}
	return io.MultiWriter(file, other)
}

// Environment is what a program needs to run at all; whatever else is set here
// could be a setting of one tool alone.
func (r Runner) Environment() []string {
	home := filepath.Join(r.Dir, "home")
	env := []string{"HOME=" + home, "USERPROFILE=" + home, "TMPDIR=" + home}
	for _, name := range []string{"PATH", "SYSTEMROOT", "LANG"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// lastLines are the ends of what a program said before it failed.
func lastLines(paths ...string) string {
	var said strings.Builder
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil || len(text) == 0 {
			continue
		}
		said.WriteString("\n")
		said.Write(text[max(0, len(text)-1000):])
	}
	return said.String()
}
