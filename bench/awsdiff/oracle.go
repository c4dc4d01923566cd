package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

//go:embed forkserver.py
var forkServer string

// command is one run of a program.
type command struct {
	Args    []string          `json:"args"`
	Dir     string            `json:"dir"`
	Env     map[string]string `json:"env"`
	Stdin   string            `json:"stdin"` // all three are files
	Stdout  string            `json:"stdout"`
	Stderr  string            `json:"stderr"`
	Seconds int               `json:"seconds"` // after which it is killed
}

// runner runs commands of one program, one at a time.
type runner interface {
	run(ctx context.Context, c command) (exit int, err error)
	close() error
}

// process starts the program anew each time.
type process struct{ path string }

func (p process) close() error { return nil }

func (p process) run(ctx context.Context, c command) (exit int, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(c.Seconds)*time.Second)
	defer cancel()
	stdin, err := os.Open(c.Stdin)
	if err != nil {
		return 0, err
	}
	defer stdin.Close()
	stdout, err := os.Create(c.Stdout)
	if err != nil {
		return 0, err
	}
	defer stdout.Close()
	stderr, err := os.Create(c.Stderr)
	if err != nil {
		return 0, err
	}
	defer stderr.Close()
	cmd := exec.CommandContext(ctx, p.path, c.Args...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Dir, stdin, stdout, stderr
	cmd.WaitDelay = 5 * time.Second
	for name, value := range c.Env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	err = cmd.Run()
	if ended := (*exec.ExitError)(nil); errors.As(err, &ended) {
		return ended.ExitCode(), nil // -1 after a signal, as the other runner has it
	}
	return 0, err
}

// forks has the Python that aws runs in fork.
type forks struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	errors *bytes.Buffer
}

// newOracle is how aws is run here: by forks where it is a Python program that
// can be imported, otherwise as it is.
func newOracle(aws string) (runner, error) {
	python, err := interpreter(aws)
	if err != nil {
		return nil, err
	}
	if python == "" {
		return process{aws}, nil
	}
	f := &forks{errors: &bytes.Buffer{}}
	f.cmd = exec.Command(python, "-c", forkServer) //nolint:noctx // it ends with its standard input, by close
	f.cmd.Env = []string{"LANG=C.UTF-8", "PATH=/usr/bin:/bin", "HOME=/nonexistent"}
	f.cmd.Stderr = f.errors
	if f.in, err = f.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := f.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := f.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", python, err)
	}
	f.out = bufio.NewReader(out)
	if line, err := f.out.ReadString('\n'); err != nil || line != "ready\n" {
		_ = f.close()
		return process{aws}, nil //nolint:nilerr // the program itself says what is wrong with it
	}
	return f, nil
}

// interpreter is the Python of a script, "" where the program is none.
func interpreter(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("aws: %w", err)
	}
	defer f.Close()
	line, err := bufio.NewReader(io.LimitReader(f, 256)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("aws: %w", err)
	}
	program, isScript := strings.CutPrefix(strings.TrimSpace(line), "#!")
	if !isScript || !strings.Contains(program, "python") || strings.ContainsAny(program, " \t") {
		return "", nil
	}
	return program, nil
}

func (f *forks) run(ctx context.Context, c command) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	line, err := json.Marshal(c)
	if err != nil {
		return 0, err
	}
	if _, err := f.in.Write(append(line, '\n')); err != nil {
		return 0, fmt.Errorf("aws's fork server: %w: %s", err, f.errors)
	}
	answer, err := f.out.ReadString('\n') // the child kills itself when its time is over
	if err != nil {
		return 0, fmt.Errorf("aws's fork server: %w: %s", err, f.errors)
	}
	code, err := strconv.Atoi(strings.TrimSpace(answer))
	if err != nil {
		return 0, fmt.Errorf("aws's fork server said %q: %w", answer, err)
	}
	return max(code, -1), nil
}

func (f *forks) close() error {
	_ = f.in.Close()
	if err := f.cmd.Wait(); err != nil {
		return fmt.Errorf("aws's fork server: %w: %s", err, f.errors)
	}
	return nil
}
