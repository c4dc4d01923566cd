// Command measure runs a program and writes what it took as JSON to a file:
//
//	measure RESULT PROGRAM ARGUMENTS...
//
// It stands between bench/compare and the tools because Linux counts the memory
// of the process that starts another one in the other's peak: this one is small.
// It ends the program where its own standard input is a pipe and ends: who wanted
// to know is gone, killed perhaps. The program's is file 3 where MEASURE_STDIN=3 is
// in the environment, else it has none.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

func main() { os.Exit(run(os.Args[1:])) } //nolint:forbidigo // this is main

// result is what bench/compare reads. Exit is -1 where a signal ended the program.
type result struct {
	Wall    float64 `json:"wall_seconds"`
	User    float64 `json:"user_seconds"`
	System  float64 `json:"system_seconds"`
	PeakRSS int64   `json:"peak_rss_bytes"`
	Exit    int     `json:"exit"`
}

func run(args []string) int {
	if err := measure(args); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		return 1
	}
	return 0
}

func measure(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: measure RESULT PROGRAM ARGUMENTS")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if info, err := os.Stdin.Stat(); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop()
		}()
	}
	cmd := exec.CommandContext(ctx, args[1], args[2:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if os.Getenv("MEASURE_STDIN") == "3" {
		cmd.Stdin = os.NewFile(3, "stdin")
	}
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if cmd.ProcessState == nil {
		return err // it did not start
	}
	state := cmd.ProcessState
	data, err := json.Marshal(result{
		Wall: wall.Seconds(), User: state.UserTime().Seconds(), System: state.SystemTime().Seconds(),
		PeakRSS: peakRSS(state), Exit: state.ExitCode(),
	})
	if err != nil {
		return err
	}
	return os.WriteFile(args[0], data, 0o666)
}
