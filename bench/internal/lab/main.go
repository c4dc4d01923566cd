package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"
)

// Main is a program that measures, from its arguments to its exit code: 2 where
// they are wrong, 1 where do failed or was not content. What ends it is a signal,
// or do.
func Main[O any](name string, args []string, stderr io.Writer,
	parse func(args []string, stderr io.Writer) (O, error), do func(context.Context, O) (content bool, err error),
) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parse(args, stderr)
	if errors.Is(err, pflag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return 2
	}
	content, err := do(ctx, o)
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
	}
	if err != nil || !content {
		return 1
	}
	return 0
}
