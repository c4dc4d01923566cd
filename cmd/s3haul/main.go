// Command s3haul moves many objects between local directories and S3, and keeps
// them in sync.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/s3haul/s3haul/cmd/s3haul/internal/gateway"
)

func main() { os.Exit(realMain()) }

// realMain is main with an exit code, for the script tests.
func realMain() int {
	// Before anything else: the embedded server is this binary once more.
	if code, child := gateway.ChildMain(); child {
		return code
	}
	// net/http logs what is odd about a connection; what matters of it comes
	// back as an error.
	log.SetOutput(io.Discard)
	ctx, stop := interruptible()
	defer stop()
	return run(ctx, os.Args[1:])
}

// errInterrupted is why the context ended, where a signal ended it.
type errInterrupted struct{ signal os.Signal }

func (e *errInterrupted) Error() string {
	if e.signal == syscall.SIGTERM {
		return "cancelled: terminated"
	}
	return "cancelled: ctrl-c received"
}

// interruptible returns a context that ends with the first SIGINT or SIGTERM: what
// is under way may end. A second signal ends the process at once.
func interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for first := true; ; first = false {
			select {
			case <-done:
				return
			case s := <-signals:
				why := &errInterrupted{s}
				if !first {
					fmt.Fprintln(os.Stderr, why)
					os.Exit(codeOf(why, asTransfer))
				}
				cancel(why)
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel(context.Canceled)
	}
}

// run carries out one command line and returns its exit code.
func run(ctx context.Context, args []string) int {
	a := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	root := a.root() //nolint:contextcheck // cobra hands it to the commands
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	if completing(args) {
		a.completion(root)
	}
	args, cmd, err := argparse(root, args)
	if err == nil {
		root.SetArgs(args)
		cmd, err = root.ExecuteContextC(ctx)
	}
	if err == nil {
		return 0
	}
	a.name = cmd.CommandPath() // also where it ended before it began
	if said, ok := errors.AsType[*exitError](err); ok {
		return said.code
	}
	a.fail("", err)
	return codeOf(err, asOther)
}
