package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// process is one run of s3haul.
type process struct {
	cmd    *exec.Cmd
	stdout string // the file
	stderr string
	began  time.Time
	took   time.Duration // once it has ended
	ended  chan struct{}
	err    error // of Wait
}

// start starts s3haul; what it says goes to files in dir.
func (b *bench) start(ctx context.Context, dir string, env, args []string) (*process, error) {
	b.runs++
	p := &process{
		stdout: filepath.Join(dir, fmt.Sprintf("stdout-%d", b.runs)), stderr: filepath.Join(dir, fmt.Sprintf("stderr-%d", b.runs)),
		ended: make(chan struct{}),
	}
	stdout, err := os.Create(p.stdout)
	if err != nil {
		return nil, err
	}
	defer stdout.Close()
	stderr, err := os.Create(p.stderr)
	if err != nil {
		return nil, err
	}
	defer stderr.Close()
	p.cmd = exec.CommandContext(ctx, b.s3haul, args...)
	p.cmd.Stdout, p.cmd.Stderr = stdout, stderr
	p.cmd.Dir = filepath.Join(b.dir, "home")
	p.cmd.Env = append(b.runner.Environment(), env...)
	alone(p.cmd)
	p.cmd.Cancel = func() error { return killAll(p.cmd) }
	p.began = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting s3haul: %w", err)
	}
	go func() {
		p.err = p.cmd.Wait()
		p.took = time.Since(p.began)
		close(p.ended)
	}()
	return p, nil
}

// killAfter kills it after d, and says whether there was something to be killed.
func (p *process) killAfter(d time.Duration) (killed bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.ended:
		return false
	case <-timer.C:
	}
	if !p.running() {
		return false
	}
	err := killAll(p.cmd)
	<-p.ended
	return err == nil && p.cmd.ProcessState.ExitCode() < 0 // else it ended at the same moment
}

// running says that it has not ended.
func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// wait waits for its end by itself, and says how that was not a success.
func (p *process) wait(within time.Duration) error {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		_ = killAll(p.cmd)
		<-p.ended
		return fmt.Errorf("it had not ended after %v%s", within, p.said())
	}
	if p.err != nil {
		return fmt.Errorf("%w%s", p.err, p.said())
	}
	return nil
}

// said is the end of what it said.
func (p *process) said() string {
	var all strings.Builder
	for _, path := range []string{p.stderr, p.stdout} {
		text, err := os.ReadFile(path)
		if err != nil || len(text) == 0 {
			continue
		}
		all.WriteString("\n")
		all.Write(text[max(0, len(text)-800):])
	}
	return all.String()
}

// resumed is what the summary says was there of an interrupted run, in bytes.
func (p *process) resumed() (int64, error) {
	text, err := os.ReadFile(p.stdout)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		var summary struct {
			Event   string `json:"event"`
			Resumed int64  `json:"resumed_bytes"`
		}
		if err := json.Unmarshal([]byte(line), &summary); err != nil {
			return 0, fmt.Errorf("its line %q: %w", line, err)
		}
		if summary.Event == "summary" {
			return summary.Resumed, nil
		}
	}
	return 0, errors.New("it ended without a summary")
}
